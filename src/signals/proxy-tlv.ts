import { crc32c } from './crc32c.ts';
import { Cursor } from './cursor.ts';

/** Types of the fields in a PROXY protocol v2 header that a standard assigns (specification §2.2). */
export const tlvType = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
  sslSignatureAlgorithm: 0x24,
  sslKeyAlgorithm: 0x25,
  netns: 0x30,
} as const;

/** The sender's report of its client's TLS (§2.2.6). */
interface ProxyTls {
  readonly overTls: boolean;
  /** A certificate was presented on this connection. */
  readonly certificateOnConnection: boolean;
  /** A certificate was presented at least once in this session. */
  readonly certificateInSession: boolean;
  /** The presented certificate was verified. */
  readonly verified: boolean;
  readonly version: string | undefined;
  readonly commonName: string | undefined;
  readonly cipher: string | undefined;
  readonly signatureAlgorithm: string | undefined;
  readonly keyAlgorithm: string | undefined;
}

export interface ProxyFields {
  readonly alpn: string | undefined;
  /** Usually the server name (SNI). */
  readonly authority: string | undefined;
  readonly uniqueId: Uint8Array | undefined;
  readonly tls: ProxyTls | undefined;
  readonly netns: string | undefined;
  /** Whether the header had a checksum. A wrong one makes the header malformed. */
  readonly checked: boolean;
  /** Fields of every other type, the last one of each. */
  readonly others: ReadonlyMap<number, Uint8Array>;
}

export const noFields: ProxyFields = {
  alpn: undefined,
  authority: undefined,
  uniqueId: undefined,
  tls: undefined,
  netns: undefined,
  checked: false,
  others: new Map(),
};

const uniqueIdBytesMax = 128;

/** One field of a header. */
export interface ProxyField {
  readonly type: number;
  readonly value: Uint8Array;
  /** Offset of its type in the header, in bytes. */
  readonly start: number;
}

/** Bytes of type and length before a value. */
export const fieldHeadBytes = 3;

/** Parses the fields of a header, from `start` to its end.
 *  @returns undefined when a length does not add up, a type occurs twice, or the checksum is wrong */
export function readFields(header: Uint8Array, start: number): readonly ProxyField[] | undefined {
  const found = new Map<number, ProxyField>();
  const fields: ProxyField[] = [];
  const left = new Cursor(header, start);
  while (left.left > 0) {
    const field = { start: header.length - left.left, type: left.u8(), value: left.take(left.u16()) };
    const { type } = field;
    if (!left.intact || (found.has(type) && type !== tlvType.noop)) return undefined;
    if (type === tlvType.crc32c && !hasValidChecksum(header, field)) return undefined;
    found.set(type, field);
    fields.push(field);
  }
  return fields;
}

/** Verifies the checksum, computed over the header with zeros in its place (§2.2.3). */
function hasValidChecksum(header: Uint8Array, field: ProxyField): boolean {
  return field.value.length === 4 && new Cursor(field.value).u32() === crc32c(withoutChecksum(header, field));
}

/** Returns a copy of a header, or of its beginning, with zeros in place of the checksum. */
export function withoutChecksum(header: Uint8Array, { start, value }: ProxyField): Uint8Array {
  const blank = Uint8Array.from(header);
  blank.fill(0, start + fieldHeadBytes, start + fieldHeadBytes + value.length);
  return blank;
}

/** Interprets fields.
 *  @returns undefined when a known one has the wrong form */
export function interpretFields(fields: readonly ProxyField[]): ProxyFields | undefined {
  const found = new Map(fields.map(({ type, value }) => [type, value]));
  const uniqueId = found.get(tlvType.uniqueId);
  if (uniqueId !== undefined && uniqueId.length > uniqueIdBytesMax) return undefined;
  const ssl = found.get(tlvType.ssl);
  const tls = ssl && readTls(ssl);
  if (ssl !== undefined && tls === undefined) return undefined;
  const interpreted: ReadonlySet<number> = new Set(Object.values(tlvType));
  return {
    alpn: text(found.get(tlvType.alpn)),
    authority: text(found.get(tlvType.authority)),
    uniqueId,
    tls,
    netns: text(found.get(tlvType.netns)),
    checked: found.has(tlvType.crc32c),
    others: new Map([...found].filter(([type]) => !interpreted.has(type))),
  };
}

/** The bits of the `client` field (§2.2.6). */
export const sslClient = { ssl: 1, certificateOnConnection: 2, certificateInSession: 4 } as const;

function readTls(value: Uint8Array): ProxyTls | undefined {
  const left = new Cursor(value);
  const client = left.u8();
  const verify = left.u32();
  const found = new Map<number, Uint8Array>();
  while (left.left > 0 && left.intact) found.set(left.u8(), left.take(left.u16()));
  if (!left.intact) return undefined;
  const certificateInSession = (client & sslClient.certificateInSession) !== 0;
  const certificateOnConnection = (client & sslClient.certificateOnConnection) !== 0;
  return {
    overTls: (client & sslClient.ssl) !== 0,
    certificateOnConnection,
    certificateInSession,
    // 0 means success, and is sent also when there was no certificate to verify.
    verified: verify === 0 && (certificateOnConnection || certificateInSession),
    version: text(found.get(tlvType.sslVersion)),
    commonName: text(found.get(tlvType.sslCommonName)),
    cipher: text(found.get(tlvType.sslCipher)),
    signatureAlgorithm: text(found.get(tlvType.sslSignatureAlgorithm)),
    keyAlgorithm: text(found.get(tlvType.sslKeyAlgorithm)),
  };
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && new TextDecoder().decode(value);
}
