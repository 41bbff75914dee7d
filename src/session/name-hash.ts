/** Hashes names that are compared later, so that no name is kept: HalfSipHash-2-4 with 64 bits (Aumasson and Bernstein,
 *  SipHash). With the key of a session a peer cannot choose names of one hash. */

/** The hash of a name, as two 32-bit integers. */
export interface HashedName {
  readonly low: number;
  readonly high: number;
}

export const hashKeyBytes = 8;

/** Bytes for which there is room at first. */
const bytesInitial = 256;

export class NameHash {
  readonly #key: readonly [number, number];
  #bytes = new Uint8Array(bytesInitial);
  #words = new Int32Array(this.#bytes.buffer);
  #length = 0;

  /** @param key `hashKeyBytes` secret bytes */
  constructor(key: Buffer) {
    this.#key = [key.readInt32LE(0), key.readInt32LE(4)];
  }

  /** Returns the hash of a name in parts. No part may have the character 0. */
  of(...parts: readonly string[]): HashedName {
    for (const part of parts) {
      this.#add(part);
      this.#reserve(1);
      this.#bytes[this.#length] = 0;
      this.#length += 1;
    }
    return this.#finish();
  }

  /** Returns the hash of bytes. */
  ofBytes(bytes: Uint8Array): HashedName {
    this.#addBytes(bytes);
    return this.#finish();
  }

  #add(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    const from = this.#length;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        this.#addBytes(Buffer.from(text));
        return;
      }
      bytes[from + i] = unit;
    }
    this.#length = from + text.length;
  }

  #addBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Makes room for bytes, and for those of the last word. */
  #reserve(length: number): void {
    const needed = this.#length + length + Int32Array.BYTES_PER_ELEMENT;
    if (needed <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(needed)));
    this.#bytes.set(before.subarray(0, this.#length));
    this.#words = new Int32Array(this.#bytes.buffer);
  }

  /** Hashes the bytes so far, and overwrites them. */
  #finish(): HashedName {
    const words = this.#words;
    const length = this.#length;
    const last = length >> 2;
    for (let i = length; i < (last + 1) << 2; i += 1) this.#bytes[i] = 0;
    // The last word has the length in its highest byte.
    words[last] = words[last]! | (length << 24);
    this.#length = 0;
    const [k0, k1] = this.#key;
    let v0 = k0;
    let v1 = k1 ^ 0xee;
    let v2 = k0 ^ 0x6c796765;
    let v3 = k1 ^ 0x74656462;
    let low = 0;
    // Two rounds for each word, four before each half of the result.
    const rounds = 2 * (last + 1);
    for (let round = 0; round < rounds + 8; round += 1) {
      const isOfWord = round < rounds;
      const word = isOfWord ? words[round >> 1]! : 0;
      if ((round & 1) === 0) v3 ^= word;
      if (round === rounds) v2 ^= 0xee;
      if (round === rounds + 4) {
        low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = rotated(v1, 5) ^ v0;
      v0 = rotated(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotated(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotated(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotated(v1, 13) ^ v2;
      v2 = rotated(v2, 16);
      if ((round & 1) === 1 && isOfWord) {
        v0 ^= word;
        words[round >> 1] = 0;
      }
    }
    return { low, high: v1 ^ v3 };
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
