/** Buffers that share their memory with no other. Node takes small ones from a pool of 64 KiB, which stays for as long
 *  as any of them: a buffer with bytes of a session would outlive it. */

/** Returns the UTF-8 of a text. */
export function ownBytes(text: string): Buffer {
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
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
