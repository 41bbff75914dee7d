/** Builds ClientHellos byte by byte, for tests that need one that no client sends. */

export interface HelloParts {
  readonly version?: number;
  readonly sessionId?: readonly number[];
  readonly ciphers?: readonly number[];
  /** Type and content. Undefined leaves the whole block out, as old clients do. */
  readonly extensions?: readonly (readonly [number, readonly number[]])[] | undefined;
}

export const u16 = (value: number): number[] => [value >> 8, value & 0xff];
export const block8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
export const block16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
export const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

export const serverName = (name: string): readonly [number, number[]] => [
  0,
  block16([0, ...block16(ascii(name))]),
];
export const alpn = (...names: readonly (readonly number[])[]): readonly [number, number[]] => [
  16,
  block16(names.flatMap((name) => block8(name))),
];
export const signatureAlgorithms = (...values: readonly number[]): readonly [number, number[]] => [
  13,
  block16(values.flatMap(u16)),
];
export const supportedVersions = (...values: readonly number[]): readonly [number, number[]] => [
  43,
  block8(values.flatMap(u16)),
];

/** The handshake message. */
export function handshake(parts: HelloParts = {}): Buffer {
  const { version = 0x0303, sessionId = [], ciphers = [0x1301] } = parts;
  const extensions = 'extensions' in parts ? parts.extensions : [serverName('xmpp.example')];
  const body = [
    ...u16(version),
    ...Array.from({ length: 32 }, (_, index) => index),
    ...block8(sessionId),
    ...block16(ciphers.flatMap(u16)),
    ...block8([0]),
    ...(extensions === undefined
      ? []
      : block16(extensions.flatMap(([type, content]) => [...u16(type), ...block16(content)]))),
  ];
  return Buffer.from([1, 0, ...u16(body.length), ...body]);
}

/** Cuts a message into records of at most `payloadBytes`. */
export function records(message: Uint8Array, payloadBytes = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += payloadBytes) {
    const payload = message.subarray(at, at + payloadBytes);
    parts.push(Buffer.from([22, 3, 1, ...u16(payload.length)]), Buffer.from(payload));
  }
  return Buffer.concat(parts);
}

/** A hello of exactly this many bytes, by padding. */
export function paddedHandshake(bytes: number): Buffer {
  const plain = handshake({ extensions: [[21, []]] }).length;
  return handshake({ extensions: [[21, Array.from({ length: bytes - plain }, () => 0)]] });
}

/** Cuts bytes at the given places. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set([...places.filter((place) => place > 0 && place < bytes.length), bytes.length])];
  ends.sort((left, right) => left - right);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}
