/** Returns the CRC-32C (Castagnoli; RFC 3385, RFC 9260 appendix A) of bytes: the checksum of PROXY protocol v2.
 *  Computed byte by byte over a table, because Node's `zlib.crc32` has another polynomial. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const reversedPolynomial = 0x82f63b78;

const table: Readonly<Uint32Array> = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1)
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ reversedPolynomial;
  return value;
});
