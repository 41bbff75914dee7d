/** Rounds a value to a grain, always down, so that a rounded time is never in the future. A value of another form
 *  than the field's is withheld, so that malformed values cannot pass unrounded. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Grain, ValueTreatment } from './treatment.ts';

/** Date and time of XEP-0082, and the older form of XEP-0091. */
const dateTime = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)$/;
const legacyDateTime = /^(\d{4})(\d\d)(\d\d)T(\d\d:\d\d:\d\d)$/;
const seconds = /^\d{1,15}(?:\.\d{1,9})?$/;

export function coarsenTo(grain: Grain): ValueTreatment {
  switch (grain.unit) {
    case 'time':
      return (value) => coarsenTime(value, grain.grainMs);
    case 'bytes':
      return (value) => coarsenNumber(value, grain.grainBytes);
    case 'address':
      return (value) => coarsenAddress(value, grain);
    case 'version':
      return (value) => /^\d+/.exec(value)?.[0];
    default:
      return (value) => /^[A-Za-z]{2,8}(?=$|-)/.exec(value)?.[0];
  }
}

/** Rounds a time, or a number of seconds. Written without a fraction and in UTC: zone and number of digits would
 *  identify the client library. */
function coarsenTime(value: string, grainMs: number): string | undefined {
  if (seconds.test(value)) return coarsenNumber(value, grainMs / 1_000);
  const legacy = legacyDateTime.exec(value);
  const parsed =
    legacy === null
      ? parseDateTime(value)
      : Date.parse(`${legacy[1]}-${legacy[2]}-${legacy[3]}T${legacy[4]}Z`);
  if (Number.isNaN(parsed)) return undefined;
  const rounded = new Date(Math.floor(parsed / grainMs) * grainMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return legacy === null ? rounded : rounded.replaceAll('-', '').replace('Z', '');
}

function parseDateTime(value: string): number {
  return dateTime.test(value) ? Date.parse(value) : Number.NaN;
}

function coarsenNumber(value: string, grain: number): string | undefined {
  if (!seconds.test(value)) return undefined;
  return String(Math.floor(Number(value) / grain) * grain);
}

function coarsenAddress(
  value: string,
  { ipv4Bits, ipv6Bits }: { ipv4Bits: number; ipv6Bits: number },
): string | undefined {
  if (isIPv4(value)) {
    const number = value.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const kept = Math.floor(number / 2 ** (32 - ipv4Bits)) * 2 ** (32 - ipv4Bits);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(kept / 2 ** shift) % 256).join('.')}/${ipv4Bits}`;
  }
  if (!isIPv6(value) || value.includes('%')) return undefined;
  const number = expandIPv6(value).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  const shift = BigInt(128 - ipv6Bits);
  const kept = (number >> shift) << shift;
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((at) => ((kept >> at) & 0xffffn).toString(16));
  // The URL parser compresses zeros as RFC 5952 requires.
  return `${new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)}/${ipv6Bits}`;
}

/** Returns the eight groups of an address that `isIPv6` accepts. */
export function expandIPv6(value: string): number[] {
  const canonical = new URL(`http://[${value}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  if (tail === undefined) return groupsOf(head);
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groupsOf(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}
