/** Values of the binary protocol: type bytes, and the servers of JIDs. */
import { doubleByteTokens, singleByteTokens } from './dictionary.ts';

/** First bytes of values and lists. 1 to 235 are single tokens. */
export const wire = {
  empty: 0,
  /** The first of four pages of tokens; a second byte follows. */
  page0: 236,
  interopJid: 245,
  messengerJid: 246,
  deviceJid: 247,
  list8: 248,
  list16: 249,
  jidPair: 250,
  hex: 251,
  bytes8: 252,
  bytes20: 253,
  bytes32: 254,
  nibble: 255,
} as const;

/** The last single token. */
export const singleTokenEnd = singleByteTokens.length;

/** Most characters of a packed value. */
export const packedCharactersMax = 127;

/** Values of a frame's first byte. */
export const frameFlag = { plain: 0, compressed: 2 } as const;

/** Servers of JIDs with the device in one byte, by their number on the wire. */
export const deviceServers: ReadonlyMap<number, string> = new Map([
  [0, 's.whatsapp.net'],
  [1, 'lid'],
  [128, 'hosted'],
  [129, 'hosted.lid'],
]);

/** Server of interop JIDs, whose text is `integrator-user:device@interop`. */
export const interopServer = 'interop';
/** Server of JIDs with the device in two bytes. */
export const messengerServer = 'msgr';

/** Servers whose JIDs are written as a pair. A text with any other word after the `@` is no JID. */
export const pairServers: ReadonlySet<string> = new Set([
  ...deviceServers.values(),
  messengerServer,
  interopServer,
  'bot',
  'broadcast',
  'c.us',
  'call',
  'g.us',
  'newsletter',
]);

/** Wire code of a token: the byte itself, or `page << 8 | byte` with the page's byte (236 to 239). */
export const tokenCodes: ReadonlyMap<string, number> = new Map([
  ...singleByteTokens.map((token, index): [string, number] => [token, index + 1]),
  ...doubleByteTokens.flatMap((page, number) =>
    page.map((token, index): [string, number] => [token, ((wire.page0 + number) << 8) | index]),
  ),
]);
