import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as bytes. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), as dual-stack sockets report it, is
 *  parsed as the IPv4 address. */
export interface IpAddress {
  readonly version: 4 | 6;
  /** 4 or 16 bytes in network order. */
  readonly bytes: Uint8Array;
}

/** Parses an address.
 *  @returns undefined for other text, and for an address with a zone (`%eth0`), which is valid on one machine only */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { version: 4, bytes: ipv4Bytes(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return ipFromBytes(ipv6Bytes(text));
}

/** Returns an address.
 *  @param bytes 4 or 16 bytes in network order */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return { version: 4, bytes };
  return isMapped(bytes) ? { version: 4, bytes: bytes.subarray(12) } : { version: 6, bytes };
}

/** Returns the canonical text: dotted decimal, or RFC 5952. */
export function formatIp({ version, bytes }: IpAddress): string {
  return version === 4 ? bytes.join('.') : formatIpv6(bytes);
}

/** Returns the canonical text of an address in text; undefined for other text. */
export function canonicalIp(text: string): string | undefined {
  // isIPv4 accepts the canonical form only: no leading zeros, no parts left out.
  if (isIPv4(text)) return text;
  const ip = parseIp(text);
  return ip && formatIp(ip);
}

/** Returns the address with the bits after the prefix set to zero: `192.0.2.77`, 24 → `192.0.2.0`. */
export function prefixOf(address: IpAddress, prefixBits: number): IpAddress {
  const bytes = address.bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
    return byte & (0xff00 >> bits);
  });
  return { version: address.version, bytes };
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const left = groupBytes(head);
  const right = tail === undefined ? [] : groupBytes(tail);
  const bytes = new Uint8Array(16);
  bytes.set(left);
  bytes.set(right, 16 - right.length);
  return bytes;
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return [...ipv4Bytes(group)];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16),
  );
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** Returns the longest run of zero groups, the first of several (RFC 5952 §4.2). */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
