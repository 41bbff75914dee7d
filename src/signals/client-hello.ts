import { Cursor } from './cursor.ts';

/** What a TLS ClientHello says about its client (RFC 8446 §4.1.2). Numbers are code points in the order sent,
 *  GREASE (RFC 8701) included. Random, session id, key shares, tickets and pre-shared keys are never kept. */
export interface ClientHello {
  /** `legacy_version`: 0x0303 from every client of TLS 1.2 and later. */
  readonly legacyVersion: number;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: readonly number[];
  /** Extension types. */
  readonly extensions: readonly number[];
  /** The first `host_name` of server_name (RFC 6066 §3), as sent; undefined without one. */
  readonly serverName: string | undefined;
  /** Protocol names (RFC 7301), one character per byte. */
  readonly alpn: readonly string[];
  readonly signatureAlgorithms: readonly number[];
  /** Undefined when the extension is missing: then `legacyVersion` counts. */
  readonly supportedVersions: readonly number[] | undefined;
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
}

/** Answer about one complete handshake message. */
export type ClientHelloAnswer =
  { readonly kind: 'hello'; readonly hello: ClientHello } | { readonly kind: 'malformed' };

/** Handshake message type (RFC 8446 §4). */
export const clientHelloType = 1;

/** Extension types that are read, by their IANA names. */
export const extensionType = {
  serverName: 0,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
} as const;

const malformed: ClientHelloAnswer = { kind: 'malformed' };
const sessionIdBytesMax = 32;

/** Reads one handshake message, from its type byte to its last byte and nothing behind it.
 *
 *  Strict in structure (every length adds up, no extension twice), lenient in number (empty lists are read as
 *  such): whether the hello is acceptable is for the TLS stack, this only describes it. */
export function parseClientHello(message: Uint8Array): ClientHelloAnswer {
  const outer = new Cursor(message);
  if (outer.u8() !== clientHelloType) return malformed;
  const body = outer.range(outer.u24());
  const draft = readBody(body);
  outer.finish(body);
  return outer.intact && outer.left === 0 && draft !== undefined
    ? { kind: 'hello', hello: draft }
    : malformed;
}

function readBody(body: Cursor): ClientHello | undefined {
  const legacyVersion = body.u16();
  body.take(32);
  const sessionIdBytes = body.u8();
  if (sessionIdBytes > sessionIdBytesMax) return undefined;
  body.take(sessionIdBytes);
  const cipherSuites = list16(body, body.u16());
  const compressionMethods = list8(body);
  const known = body.left > 0 ? readExtensions(body) : noExtensions();
  return known && { legacyVersion, cipherSuites, compressionMethods, ...known };
}

type Extensions = Omit<ClientHello, 'legacyVersion' | 'cipherSuites' | 'compressionMethods'>;

function noExtensions(): { -readonly [K in keyof Extensions]: Extensions[K] } {
  return {
    extensions: [],
    serverName: undefined,
    alpn: [],
    signatureAlgorithms: [],
    supportedVersions: undefined,
    groups: [],
    pointFormats: [],
  };
}

function readExtensions(body: Cursor): Extensions | undefined {
  const known = noExtensions();
  const types = new Set<number>();
  const all = body.range(body.u16());
  while (all.left > 0) {
    const type = all.u16();
    const content = all.range(all.u16());
    // Two of a kind let two readers see two different hellos (RFC 8446 §4.2 forbids them).
    if (!all.intact || types.has(type)) return undefined;
    types.add(type);
    if (readKnown(type, content, known)) all.finish(content);
  }
  body.finish(all);
  known.extensions = [...types];
  return known;
}

/** Fills in what an extension of interest says. False when the type is none of them. */
function readKnown(type: number, content: Cursor, known: ReturnType<typeof noExtensions>): boolean {
  switch (type) {
    case extensionType.serverName:
      known.serverName = readServerName(content);
      return true;
    case extensionType.supportedGroups:
      known.groups = list16(content, content.u16());
      return true;
    case extensionType.ecPointFormats:
      known.pointFormats = list8(content);
      return true;
    case extensionType.signatureAlgorithms:
      known.signatureAlgorithms = list16(content, content.u16());
      return true;
    case extensionType.alpn:
      known.alpn = readAlpn(content);
      return true;
    case extensionType.supportedVersions:
      known.supportedVersions = list16(content, content.u8());
      return true;
    default:
      return false;
  }
}

/** A list of 16-bit values in the next `bytes` bytes. */
function list16(from: Cursor, bytes: number): number[] {
  const list = from.range(bytes);
  const values: number[] = [];
  while (list.left > 0 && list.intact) values.push(list.u16());
  from.finish(list);
  return values;
}

/** A list of bytes behind its length in one byte. */
function list8(from: Cursor): number[] {
  return Array.from(from.take(from.u8()));
}

function readServerName(content: Cursor): string | undefined {
  const list = content.range(content.u16());
  let name: string | undefined;
  while (list.left > 0 && list.intact) {
    const type = list.u8();
    const value = list.take(list.u16());
    if (type === 0 && list.intact) name ??= latin1(value);
  }
  content.finish(list);
  return name;
}

function readAlpn(content: Cursor): string[] {
  const list = content.range(content.u16());
  const names: string[] = [];
  while (list.left > 0 && list.intact) names.push(latin1(list.take(list.u8())));
  content.finish(list);
  return names;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
