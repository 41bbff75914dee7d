import { Cursor } from './cursor.ts';

/** A TCP option in the SYN: its kind (RFC 9293 §3.1, IANA), without its content. */
export type SynOption =
  | { readonly kind: 'mss' | 'ws' | 'sok' | 'sack' | 'ts' | 'nop' }
  /** End of options, with the number of bytes after it. */
  | { readonly kind: 'eol'; readonly paddingBytes: number }
  | { readonly kind: 'unknown'; readonly number: number };

/** Quirks of a packet, by p0f's names and in its order. Its `ack-` (ACK flag with number 0) is missing: a packet
 *  with an ACK flag is no SYN. */
export const quirkOrder = [
  'df', 'id+', 'id-', 'ecn', '0+', 'flow',
  'seq-', 'ack+', 'uptr+', 'urgf+', 'pushf+',
  'ts1-', 'ts2+', 'opt+', 'exws', 'bad',
] as const; // prettier-ignore

type Quirk = (typeof quirkOrder)[number];

/** The properties of a SYN that describe the sender's stack. Addresses, ports, sequence numbers, IP ids and
 *  timestamp values are read for quirks and never kept. */
export interface Syn {
  readonly ipVersion: 4 | 6;
  /** TTL or hop limit on arrival. */
  readonly ttl: number;
  /** Bytes of IPv4 options or IPv6 extension headers. */
  readonly ipOptionBytes: number;
  /** Bytes of IP and TCP headers with all options. */
  readonly headerBytes: number;
  /** Maximum segment size; 0 without the option. */
  readonly mss: number;
  /** Window as sent, not scaled. */
  readonly window: number;
  /** Shift of the window; 0 without the option. */
  readonly windowScale: number;
  readonly options: readonly SynOption[];
  readonly quirks: ReadonlySet<Quirk>;
  /** Whether the timestamps option has a timestamp other than 0. Some stacks then count 12 bytes less. */
  readonly timestamped: boolean;
  /** Whether data came with the SYN (TCP Fast Open, or a probe). */
  readonly payload: boolean;
}

/** - `not-syn`: a TCP packet, but not the first one of a client.
 *  - `malformed`: an incomplete IP or TCP header, a fragment, or another protocol. */
export type SynAnswer =
  { readonly kind: 'syn'; readonly syn: Syn } | { readonly kind: 'not-syn' } | { readonly kind: 'malformed' };

const malformed: SynAnswer = { kind: 'malformed' };
const tcpProtocol = 6;
const flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

/** Parses a SYN from its IP header on, as `TCP_SAVED_SYN` returns it: headers without payload, so that declared
 *  lengths may exceed the packet. Bytes beyond the declared length are link padding. */
export function readSyn(packet: Uint8Array): SynAnswer {
  const ip = (packet[0] ?? 0) >> 4 === 6 ? readIpv6(packet) : readIpv4(packet);
  if (ip === undefined) return malformed;
  return readTcp(new Cursor(packet, ip.headerBytes), ip);
}

/** The fields of the IP header that are used. */
interface IpHeader {
  readonly version: 4 | 6;
  readonly ttl: number;
  readonly headerBytes: number;
  readonly optionBytes: number;
  /** Bytes after the IP header, as declared. */
  readonly payloadBytes: number;
  readonly quirks: Set<Quirk>;
}

/** Parses an IPv4 header (RFC 791 §3.1). */
function readIpv4(packet: Uint8Array): IpHeader | undefined {
  const header = new Cursor(packet);
  const versionAndLength = header.u8();
  const headerBytes = (versionAndLength & 15) * 4;
  const service = header.u8();
  const totalBytes = header.u16();
  const id = header.u16();
  const fragment = header.u16();
  const ttl = header.u8();
  const protocol = header.u8();
  header.skip(headerBytes - 10);
  const whole =
    versionAndLength >> 4 === 4 && headerBytes >= 20 && header.intact && totalBytes >= headerBytes;
  const isFragment = (fragment & 0x3fff) !== 0;
  if (!whole || isFragment || protocol !== tcpProtocol) return undefined;
  const quirks = new Set<Quirk>();
  const dontFragment = (fragment & 0x4000) !== 0;
  if (dontFragment) quirks.add('df');
  if (dontFragment && id !== 0) quirks.add('id+');
  if (!dontFragment && id === 0) quirks.add('id-');
  if ((service & 3) !== 0) quirks.add('ecn');
  if ((fragment & 0x8000) !== 0) quirks.add('0+');
  return {
    version: 4,
    ttl,
    headerBytes,
    optionBytes: headerBytes - 20,
    payloadBytes: totalBytes - headerBytes,
    quirks,
  };
}

/** IPv6 extension headers with a length in units of 8 bytes that may precede TCP (RFC 8200 §4): hop-by-hop options,
 *  routing, destination options. */
const skippedHeaders: ReadonlySet<number> = new Set([0, 43, 60]);

/** Parses an IPv6 header and its extension headers (RFC 8200 §3). */
function readIpv6(packet: Uint8Array): IpHeader | undefined {
  const header = new Cursor(packet);
  const first = header.u32();
  const declaredBytes = header.u16();
  let next = header.u8();
  const ttl = header.u8();
  header.skip(32);
  let optionBytes = 0;
  while (skippedHeaders.has(next) && header.intact) {
    next = header.u8();
    const units = header.u8();
    header.skip(8 * units + 6);
    optionBytes += 8 * (units + 1);
  }
  if (!header.intact || next !== tcpProtocol || declaredBytes < optionBytes) return undefined;
  const quirks = new Set<Quirk>();
  if (((first >>> 20) & 3) !== 0) quirks.add('ecn');
  if ((first & 0xfffff) !== 0) quirks.add('flow');
  return {
    version: 6,
    ttl,
    headerBytes: 40 + optionBytes,
    optionBytes,
    payloadBytes: declaredBytes - optionBytes,
    quirks,
  };
}

/** Parses a TCP header (RFC 9293 §3.1). */
function readTcp(header: Cursor, ip: IpHeader): SynAnswer {
  header.skip(4);
  const sequence = header.u32();
  const acknowledgement = header.u32();
  const offsetAndReserved = header.u8();
  const flags = header.u8();
  const window = header.u16();
  header.skip(2);
  const urgent = header.u16();
  const tcpBytes = (offsetAndReserved >> 4) * 4;
  const optionArea = header.range(tcpBytes - 20);
  if (tcpBytes < 20 || !header.intact || tcpBytes > ip.payloadBytes) return malformed;
  if ((flags & (flag.syn | flag.ack | flag.fin | flag.rst)) !== flag.syn) return { kind: 'not-syn' };

  const quirks = ip.quirks;
  // The reserved bit is the former ECN nonce (RFC 3540), now accurate ECN (RFC 9768).
  if ((flags & (flag.ece | flag.cwr)) !== 0 || (offsetAndReserved & 1) !== 0) quirks.add('ecn');
  if (sequence === 0) quirks.add('seq-');
  if (acknowledgement !== 0) quirks.add('ack+');
  if ((flags & flag.urg) !== 0) quirks.add('urgf+');
  else if (urgent !== 0) quirks.add('uptr+');
  if ((flags & flag.psh) !== 0) quirks.add('pushf+');
  const read = readOptions(optionArea, quirks);
  return {
    kind: 'syn',
    syn: {
      ipVersion: ip.version,
      ttl: ip.ttl,
      ipOptionBytes: ip.optionBytes,
      headerBytes: ip.headerBytes + tcpBytes,
      window,
      ...read,
      quirks,
      payload: ip.payloadBytes > tcpBytes,
    },
  };
}

type OptionFindings = { -readonly [K in 'mss' | 'windowScale' | 'options' | 'timestamped']: Syn[K] };

/** Options with one legal length, by kind. A wrong length byte is a quirk; the legal length is read nevertheless, as
 *  the stacks do from which fingerprints were collected. */
const fixedOptions: Readonly<Record<number, { kind: 'mss' | 'ws' | 'sok' | 'ts'; bytes: number }>> = {
  2: { kind: 'mss', bytes: 4 },
  3: { kind: 'ws', bytes: 3 },
  4: { kind: 'sok', bytes: 2 },
  8: { kind: 'ts', bytes: 10 },
};

const optionsMax = 24;
const windowScaleMax = 14;

function readOptions(left: Cursor, quirks: Set<Quirk>): OptionFindings {
  const found: OptionFindings = { mss: 0, windowScale: 0, options: [], timestamped: false };
  const options: SynOption[] = [];
  while (left.left > 0 && left.intact && options.length < optionsMax) {
    const number = left.u8();
    if (number === 0) options.push(endOfOptions(left, quirks));
    else if (number === 1) options.push({ kind: 'nop' });
    else if (fixedOptions[number]) options.push(readFixed(left, fixedOptions[number], found, quirks));
    else options.push(skipVariable(left, number));
  }
  if (!left.intact || left.left > 0) quirks.add('bad');
  found.options = options;
  return found;
}

function endOfOptions(left: Cursor, quirks: Set<Quirk>): SynOption {
  const padding = left.take(left.left);
  if (padding.some((byte) => byte !== 0)) quirks.add('opt+');
  return { kind: 'eol', paddingBytes: padding.length };
}

function readFixed(
  left: Cursor,
  { kind, bytes }: { kind: 'mss' | 'ws' | 'sok' | 'ts'; bytes: number },
  found: OptionFindings,
  quirks: Set<Quirk>,
): SynOption {
  const option = left.range(bytes - 1);
  // Cut off by the end of the header: the kind is part of the layout, the content is not.
  if (!left.intact) return { kind };
  if (option.u8() !== bytes) quirks.add('bad');
  if (kind === 'mss') found.mss = option.u16();
  if (kind === 'ws') found.windowScale = option.u8();
  if (kind === 'ws' && found.windowScale > windowScaleMax) quirks.add('exws');
  if (kind === 'ts') readTimestamps(option, found, quirks);
  return { kind };
}

function readTimestamps(option: Cursor, found: OptionFindings, quirks: Set<Quirk>): void {
  found.timestamped = option.u32() !== 0;
  if (!found.timestamped) quirks.add('ts1-');
  if (option.u32() !== 0) quirks.add('ts2+');
}

/** Skips an option that states its length, such as selective acknowledgements (RFC 2018). */
function skipVariable(left: Cursor, number: number): SynOption {
  const bytes = left.u8();
  const [least, most] = number === 5 ? [10, 34] : [2, 40];
  left.skip(bytes < least || bytes > most ? Infinity : bytes - 2);
  return number === 5 ? { kind: 'sack' } : { kind: 'unknown', number };
}
