/** Values rounded to a grain, always down. A value of another form than its field's is withheld. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Grain } from './language.ts';

/** Returns the rounded value; undefined when it is withheld. */
export function coarsen(value: string, grain: Grain): string | undefined {
  switch (grain.of) {
    case 'time':
      return /^\d{1,15}(\.\d{1,9})?$/.test(value)
        ? down(value, grain.grain / 1_000)
        : roundTime(value, grain.grain);
    case 'bytes':
      return /^\d{1,15}(\.\d{1,9})?$/.test(value) ? down(value, grain.grain) : undefined;
    case 'version':
      return /^\d+/.exec(value)?.[0];
    case 'language': {
      const [primary = ''] = value.split('-', 1);
      return /^[A-Za-z]{2,8}$/.test(primary) ? primary : undefined;
    }
    default:
      return network(value, grain);
  }
}

function down(value: string, grain: number): string {
  return `${Math.floor(Number(value) / grain) * grain}`;
}

/** Date and time of XEP-0082, or of XEP-0091, which has neither hyphens nor a zone. */
function roundTime(value: string, grain: number): string | undefined {
  const old = /^(\d{4})(\d\d)(\d\d)T(\d\d:\d\d:\d\d)$/.exec(value);
  const written = old === null ? value : `${old[1]}-${old[2]}-${old[3]}T${old[4]}Z`;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(written)) return undefined;
  const time = new Date(written).getTime();
  if (Number.isNaN(time)) return undefined;
  const [seconds = ''] = new Date(Math.floor(time / grain) * grain).toISOString().split('.', 1);
  return old === null ? `${seconds}Z` : seconds.replaceAll('-', '');
}

function network(value: string, { ipv4, ipv6 }: { ipv4: number; ipv6: number }): string | undefined {
  if (isIPv4(value)) return `${masked(value.split('.').map(Number), 8, ipv4).join('.')}/${ipv4}`;
  if (!isIPv6(value) || value.includes('%')) return undefined;
  const [left = '', right] = canonical(value).split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((each) => Number.parseInt(each, 16));
  const [before, after] = [groups(left), groups(right ?? '')];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return `${canonical(
    masked(all, 16, ipv6)
      .map((each) => each.toString(16))
      .join(':'),
  )}/${ipv6}`;
}

/** Sets all but the first `kept` bits to 0. */
function masked(parts: readonly number[], bits: number, kept: number): number[] {
  return parts.map((part, index) => {
    const stays = Math.min(bits, Math.max(0, kept - index * bits));
    return Math.floor(part / 2 ** (bits - stays)) * 2 ** (bits - stays);
  });
}

/** The form of RFC 5952. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
