/** Parses PROXY protocol headers, versions 1 and 2 (HAProxy, proxy-protocol.txt), as the bytes arrive. */
import { ByteQueue } from './byte-queue.ts';
import { Cursor } from './cursor.ts';
import { formatIp, ipFromBytes, parseIp } from './ip-address.ts';
import { believedFields, type ProxyAuthentication } from './proxy-authentication.ts';
import { noFields, readFields, type ProxyFields } from './proxy-tlv.ts';

export interface Endpoint {
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** A PROXY protocol header, versions 1 and 2 (HAProxy, proxy-protocol.txt). */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** `local`: a connection of the sender's own, as in health checks. */
  readonly command: 'proxy' | 'local';
  /** Undefined for `local`, UNKNOWN, AF_UNSPEC and AF_UNIX; the socket's own addresses then apply. */
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint | undefined;
  readonly fields: ProxyFields;
  /** Number of fields left out because no HMAC covers them, where one is required. */
  readonly ignoredFields: number;
}

/** - `not-proxy`: no header, from the first byte that shows it.
 *  - `too-large`: the header does not end within the limit.
 *  - `malformed`: a header that cannot be trusted.
 *  - `unauthentic`: a header whose HMAC fits no shared secret.
 *  - `header`: a complete header of `bytes` bytes. Later bytes are the client's. */
export type ProxyProgress =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not-proxy' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unauthentic' }
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly bytes: number };

export interface ProxyProtocolOptions {
  /** Bytes of a version 2 header with its fields. Default 4096; the specification allows 107 for version 1. */
  readonly headerBytesMax?: number;
  /** Rules by which fields need an HMAC. Without them all fields count. */
  readonly authentication?: ProxyAuthentication | undefined;
}

const headerBytesMaxDefault = 4096;
const line1BytesMax = 107;
const fixed2Bytes = 16;
/** Version 2 in the high half, command in the low half. */
const localCommand = 0x20;
const proxyCommand = 0x21;
const signature1 = Buffer.from('PROXY ');
const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

/** Reads the header from a connection's first bytes, however they are split. Only for connections from trusted networks
 *  (cidr.ts), where the header is mandatory: elsewhere a client could choose its address.
 *
 *  The caller owns the timer, and stops pushing when the answer is final. */
export class ProxyProtocolReader {
  readonly #headerBytesMax: number;
  readonly #authentication: ProxyAuthentication | undefined;
  readonly #wire = new ByteQueue();
  #progress: ProxyProgress = { kind: 'incomplete' };
  /** Number of bytes of a version 1 line that were searched for its end. */
  #searched = 0;
  /** Number of bytes from which on the answer can change. */
  #needed = 1;

  constructor({ headerBytesMax = headerBytesMaxDefault, authentication }: ProxyProtocolOptions = {}) {
    this.#headerBytesMax = headerBytesMax;
    this.#authentication = authentication;
  }

  /** Takes the next bytes, and returns the answer. A final answer does not change; bytes are still kept for `rest`. */
  push(chunk: Uint8Array): ProxyProgress {
    if (chunk.length > 0) this.#wire.push(chunk);
    if (this.#progress.kind === 'incomplete' && this.#wire.length >= this.#needed)
      this.#progress = this.#read(this.#wire.bytes());
    return this.#progress;
  }

  /** Returns the bytes after the header; all bytes when there is none. */
  rest(): Buffer {
    return this.#wire.bytes().subarray(this.#progress.kind === 'header' ? this.#progress.bytes : 0);
  }

  #read(wire: Uint8Array): ProxyProgress {
    if (startsLike(wire, signature1)) return this.#readLine(wire);
    return startsLike(wire, signature2) ? this.#readBinary(wire) : { kind: 'not-proxy' };
  }

  #readLine(wire: Uint8Array): ProxyProgress {
    const window = wire.subarray(0, line1BytesMax);
    const end = window.indexOf(0x0d, this.#searched);
    this.#searched = window.length;
    if (end === -1 || end + 1 === line1BytesMax)
      return { kind: window.length === line1BytesMax ? 'too-large' : 'incomplete' };
    if (end + 1 === window.length) {
      this.#searched = end;
      return { kind: 'incomplete' };
    }
    if (window[end + 1] !== 0x0a) return { kind: 'malformed' };
    const header = parseLine(Buffer.from(window.subarray(0, end)).toString('latin1'));
    return header === undefined ? { kind: 'malformed' } : { kind: 'header', header, bytes: end + 2 };
  }

  #readBinary(wire: Uint8Array): ProxyProgress {
    if (wire.length < fixed2Bytes) return { kind: 'incomplete' };
    const bytes = fixed2Bytes + ((wire[14]! << 8) | wire[15]!);
    if (bytes > this.#headerBytesMax) return { kind: 'too-large' };
    this.#needed = bytes;
    if (wire.length < bytes) return { kind: 'incomplete' };
    return parseBinary(wire.subarray(0, bytes), this.#authentication);
  }
}

/** Returns whether the bytes are the start of the signature, or start with it. */
function startsLike(wire: Uint8Array, signature: Uint8Array): boolean {
  const compared = Math.min(wire.length, signature.length);
  return Buffer.compare(wire.subarray(0, compared), signature.subarray(0, compared)) === 0;
}

/** Parses version 1 (§2.1): one line of text, single spaces, canonical numbers. */
function parseLine(line: string): ProxyHeader | undefined {
  const unknown = { version: 1, command: 'proxy', fields: noFields, ignoredFields: 0 } as const;
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { ...unknown, source: undefined, destination: undefined };
  const [, family, ...parts] =
    /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line) ?? [];
  const [from, to, sourcePort, destinationPort] = parts;
  const source = endpoint(family, from, Number(sourcePort));
  const destination = endpoint(family, to, Number(destinationPort));
  return source && destination && { ...unknown, source, destination };
}

function endpoint(
  family: string | undefined,
  address: string | undefined,
  port: number,
): Endpoint | undefined {
  if (address === undefined || port > 65535) return undefined;
  if (address.includes(':') !== (family === '6')) return undefined;
  const parsed = parseIp(address);
  return parsed && { address: formatIp(parsed), port };
}

const malformed: ProxyProgress = { kind: 'malformed' };

/** Parses version 2 (§2.2). */
function parseBinary(header: Uint8Array, authentication: ProxyAuthentication | undefined): ProxyProgress {
  const left = new Cursor(header, 12);
  const versionAndCommand = left.u8();
  const familyAndProtocol = left.u8();
  left.u16();
  const layout = addressLayouts[familyAndProtocol];
  // The addresses of a `local` header are to be ignored, even in an unknown family.
  if (versionAndCommand === localCommand && layout === undefined)
    return whole(header, { command: 'local', ...unnamed(), fields: noFields, ignoredFields: 0 });
  if (layout === undefined) return malformed;
  const endpoints = layout.read(left.range(layout.bytes));
  const fields = left.intact ? readFields(header, header.length - left.left) : undefined;
  if (fields === undefined) return malformed;
  const answer = believedFields(header, fields, authentication);
  if (answer.kind !== 'fields') return { kind: answer.kind };
  const believed = { fields: answer.fields, ignoredFields: answer.ignored };
  if (versionAndCommand === localCommand)
    return whole(header, { command: 'local', ...unnamed(), ...believed });
  return versionAndCommand === proxyCommand
    ? whole(header, { command: 'proxy', ...endpoints, ...believed })
    : malformed;
}

function whole({ length }: Uint8Array, header: Omit<ProxyHeader, 'version'>): ProxyProgress {
  return { kind: 'header', header: { version: 2, ...header }, bytes: length };
}

type Endpoints = { readonly source: Endpoint | undefined; readonly destination: Endpoint | undefined };

interface AddressLayout {
  readonly bytes: number;
  readonly read: (addresses: Cursor) => Endpoints;
}

const unnamed = (): Endpoints => ({ source: undefined, destination: undefined });

function readIps(addressBytes: 4 | 16, addresses: Cursor): Endpoints {
  const from = formatIp(ipFromBytes(addresses.take(addressBytes)));
  const to = formatIp(ipFromBytes(addresses.take(addressBytes)));
  return {
    source: { address: from, port: addresses.u16() },
    destination: { address: to, port: addresses.u16() },
  };
}

/** Layout of the addresses, by the family and protocol byte. Datagrams are left out: they do not come over TCP. */
const addressLayouts: Readonly<Record<number, AddressLayout>> = {
  0x00: { bytes: 0, read: unnamed },
  0x11: { bytes: 12, read: (addresses) => readIps(4, addresses) },
  0x21: { bytes: 36, read: (addresses) => readIps(16, addresses) },
  0x31: { bytes: 216, read: unnamed },
};
