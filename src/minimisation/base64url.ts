/** base64url (RFC 4648 §5) from bytes to bytes, in its only canonical form. Node's codec goes through strings, and
 *  accepts other forms. */

const characters = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
/** Values of the characters, 255 for all others. */
const sextets = Buffer.alloc(256, 255);
for (const [value, character] of characters.entries()) sextets[character] = value;

/** Writes the first `length` bytes, without padding. */
export function writeBase64url(bytes: Uint8Array, length: number): Buffer {
  const text = Buffer.allocUnsafe(Math.ceil((length * 4) / 3));
  let at = 0;
  for (let i = 0; i < length; i += 3) {
    const bits =
      (bytes[i]! << 16) | ((i + 1 < length ? bytes[i + 1]! : 0) << 8) | (i + 2 < length ? bytes[i + 2]! : 0);
    text[at] = characters[bits >> 18]!;
    text[at + 1] = characters[(bits >> 12) & 0x3f]!;
    // Bytes after the end are not written.
    text[at + 2] = characters[(bits >> 6) & 0x3f]!;
    text[at + 3] = characters[bits & 0x3f]!;
    at += 4;
  }
  return text;
}

/** Reads base64url in its canonical form: without padding, unused bits 0.
 *  @returns number of bytes written to `target`, -1 for any other text */
export function readBase64url(bytes: Buffer, from: number, to: number, target: Buffer): number {
  const rest = (to - from) % 4;
  const whole = to - rest;
  let length = 0;
  for (let at = from; at < whole; at += 4) {
    const a = sextets[bytes[at]!]!;
    const b = sextets[bytes[at + 1]!]!;
    const c = sextets[bytes[at + 2]!]!;
    const d = sextets[bytes[at + 3]!]!;
    if ((a | b | c | d) > 0x3f) return -1;
    target[length] = (a << 2) | (b >> 4);
    target[length + 1] = (b << 4) | (c >> 2);
    target[length + 2] = (c << 6) | d;
    length += 3;
  }
  if (rest === 0) return length;
  const a = sextets[bytes[whole]!]!;
  const b = rest > 1 ? sextets[bytes[whole + 1]!]! : 0xff;
  const c = rest > 2 ? sextets[bytes[whole + 2]!]! : 0;
  const spare = rest === 2 ? b & 0x0f : c & 0x03;
  if ((a | b | c) > 0x3f || spare !== 0) return -1;
  target[length] = (a << 2) | (b >> 4);
  target[length + 1] = (b << 4) | (c >> 2);
  return length + rest - 1;
}
