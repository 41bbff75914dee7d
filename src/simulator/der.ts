/** The DER encodings (ITU-T X.690) in a certificate. */

/** Encodes one element: a tag octet, the length, the content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), derLength(body.length), body]);
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | octets.length]), octets]);
}

export const sequence = (...items: readonly Buffer[]) => der(0x30, ...items);
export const set = (...items: readonly Buffer[]) => der(0x31, ...items);
export const octetString = (content: Buffer) => der(0x04, content);
export const utf8String = (text: string) => der(0x0c, Buffer.from(text));
export const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));

/** Encodes a positive integer.
 *  @param magnitude big-endian */
export function integer(magnitude: Buffer): Buffer {
  return der(0x02, (magnitude[0] ?? 0) < 0x80 ? magnitude : Buffer.concat([Buffer.from([0]), magnitude]));
}

/** Encodes a bit string.
 *  @param unusedBits bits of the last octet that do not count */
export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return der(0x03, Buffer.from([unusedBits]), content);
}

/** Encodes an object identifier such as `1.2.840…`: the first two arcs in one octet, the others in base 128. */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...arcs] = dotted.split('.').map(Number) as [number, number, ...number[]];
  return der(0x06, Buffer.from([first * 40 + second, ...arcs.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
    octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}

/** Encodes a time with a precision of seconds: UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\..*/g, '');
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`));
}

/** Encodes a context-specific element `[number]`. */
export function tagged(number: number, content: Buffer, form: 'constructed' | 'primitive'): Buffer {
  return der((form === 'constructed' ? 0xa0 : 0x80) | number, content);
}
