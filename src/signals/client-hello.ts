import { Cursor } from './cursor.ts';

/** The parts of a TLS ClientHello that describe its client (RFC 8446 §4.1.2). Numbers are code points in the order
 *  sent, GREASE (RFC 8701) included. Random, session id, key shares, tickets and pre-shared keys are never kept. */
export interface ClientHello {
  /** `legacy_version`: 0x0303 from every client of TLS 1.2 and later. */
  readonly legacyVersion: number;
  readonly cipherSuites: readonly number[];
  /** Extension types. */
  readonly extensions: readonly number[];
  /** The first `host_name` of server_name (RFC 6066 §3), as sent; undefined without one. */
  readonly serverName: string | undefined;
  /** Protocol names (RFC 7301), one character per byte. */
  readonly alpn: readonly string[];
  readonly signatureAlgorithms: readonly number[];
  /** Undefined when the extension is missing: `legacyVersion` then applies. */
  readonly supportedVersions: readonly number[] | undefined;
}

/** The result of parsing one complete handshake message. */
export type ClientHelloAnswer =
  { readonly kind: 'hello'; readonly hello: ClientHello } | { readonly kind: 'malformed' };

/** Handshake message type (RFC 8446 §4). */
export const clientHelloType = 1;

/** Extension types that are parsed, by their IANA names. */
export const extensionType = {
  serverName: 0,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  sessionTicket: 35,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
} as const;

const malformed: ClientHelloAnswer = { kind: 'malformed' };
const randomBytes = 32;
const sessionIdBytesMax = 32;

/** Parses one handshake message, from its type byte to its last byte.
 *
 *  Strict in structure: every length adds up, no extension occurs twice. Lenient in number: lists may be empty. The
 *  TLS stack decides whether the hello is acceptable; this only describes it. */
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

type Draft = { -readonly [K in keyof ClientHello]: ClientHello[K] };

function readBody(body: Cursor): ClientHello | undefined {
  const legacyVersion = body.u16();
  body.skip(randomBytes);
  const sessionIdBytes = body.u8();
  if (sessionIdBytes > sessionIdBytesMax) return undefined;
  body.skip(sessionIdBytes);
  const draft: Draft = {
    legacyVersion,
    cipherSuites: body.u16s(body.u16()),
    extensions: [],
    serverName: undefined,
    alpn: [],
    signatureAlgorithms: [],
    supportedVersions: undefined,
  };
  const compressionMethods = body.u8();
  body.skip(compressionMethods);
  return body.left === 0 || readExtensions(body, draft) ? draft : undefined;
}

/** Reads the extensions.
 *  @returns false when a list is cut off, or has two of one type, which parsers read differently (forbidden by RFC
 *  8446 §4.2) */
function readExtensions(body: Cursor, draft: Draft): boolean {
  const types: number[] = [];
  const seen = new Set<number>();
  const all = body.range(body.u16());
  while (all.left > 0) {
    const type = all.u16();
    const bytes = all.u16();
    if (!all.intact || seen.has(type)) return false;
    seen.add(type);
    types.push(type);
    readExtension(type, all, bytes, draft);
  }
  body.finish(all);
  draft.extensions = types;
  return true;
}

function readExtension(type: number, all: Cursor, bytes: number, draft: Draft): void {
  const read = readers[type];
  if (read === undefined) {
    all.skip(bytes);
    return;
  }
  const content = all.range(bytes);
  read(content, draft);
  all.finish(content);
}

/** Readers of extensions by type. Some check only that the lengths add up. */
const readers: Readonly<Record<number, (content: Cursor, draft: Draft) => void>> = {
  [extensionType.serverName](content, draft) {
    draft.serverName = readServerName(content);
  },
  [extensionType.supportedGroups](content) {
    content.u16s(content.u16());
  },
  [extensionType.ecPointFormats](content) {
    content.skip(content.u8());
  },
  [extensionType.signatureAlgorithms](content, draft) {
    draft.signatureAlgorithms = content.u16s(content.u16());
  },
  [extensionType.alpn](content, draft) {
    draft.alpn = readAlpn(content);
  },
  [extensionType.supportedVersions](content, draft) {
    draft.supportedVersions = content.u16s(content.u8());
  },
};

function readServerName(content: Cursor): string | undefined {
  const list = content.range(content.u16());
  let name: string | undefined;
  while (list.left > 0 && list.intact) {
    const type = list.u8();
    const value = list.latin1(list.u16());
    if (type === 0 && list.intact) name ??= value;
  }
  content.finish(list);
  return name;
}

function readAlpn(content: Cursor): string[] {
  const list = content.range(content.u16());
  const names: string[] = [];
  while (list.left > 0 && list.intact) names.push(list.latin1(list.u8()));
  content.finish(list);
  return names;
}
