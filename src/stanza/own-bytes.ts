/** Buffers that share their memory with no other. Node takes small ones from a pool of 64 KiB, which lives as long as
 *  any of them: what a session has written there would outlive the session. */

/** Longest text whose characters are written one by one, in UTF-16 code units. A buffer of as many bytes is in the heap
 *  of JavaScript, and a native write would move it out. */
const loopLengthMax = 64;

/** Returns the UTF-8 of a text. */
export function ownBytes(text: string): Buffer {
  return (text.length <= loopLengthMax ? asciiBytes(text) : undefined) ?? utf8Bytes(text);
}

/** Returns the bytes of a text in ASCII; undefined for any other. */
function asciiBytes(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

function utf8Bytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** Returns the text of UTF-8 bytes, without a copy of them. */
export function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

/** Returns a copy of the parts, one after the other. */
export function ownCopy(...parts: readonly Uint8Array[]): Buffer {
  return writeParts(Buffer.allocUnsafeSlow(lengthOf(parts)), parts);
}

/** Returns the bytes of all parts together. */
export function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Writes the parts one after the other to the start of a buffer, and returns the buffer. */
export function writeParts(target: Buffer, parts: readonly Uint8Array[]): Buffer {
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return target;
}
