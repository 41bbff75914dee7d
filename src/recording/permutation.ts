/** Keyed permutations of small sets: a token for a short value that no other value of the set has. A Feistel network
 *  over the next even number of bits, walked until it is back in the set (Black and Rogaway 2002, cycle walking). Its
 *  round function is AES-256. */
import { createCipheriv, type Cipheriv } from 'node:crypto';

const rounds = 8;
const blockBytes = 16;

export class Permutations {
  readonly #cipher: Cipheriv;
  readonly #block = Buffer.alloc(blockBytes);

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  /** Returns the image of `value` in a permutation of the whole numbers below `size`.
   *  @param label another permutation for each; at most 32 bits
   *  @param value at least 0 and less than `size`
   *  @param size at most 2^120 */
  image(label: number, value: bigint, size: bigint): bigint {
    if (size < 2n) return value;
    const bits = (size - 1n).toString(2).length;
    this.#block.writeUInt32BE(label, 0);
    this.#block.writeUInt8(bits, 4);
    const half = BigInt(Math.ceil(bits / 2));
    let image = value;
    do image = this.#feistel(image, half);
    while (image >= size);
    return image;
  }

  #feistel(value: bigint, half: bigint): bigint {
    const mask = (1n << half) - 1n;
    let left = value >> half;
    let right = value & mask;
    for (let round = 0; round < rounds; round += 1) {
      const mixed = (left ^ this.#round(round, right)) & mask;
      left = right;
      right = mixed;
    }
    return (left << half) | right;
  }

  #round(round: number, right: bigint): bigint {
    this.#block.writeUInt8(round, 5);
    this.#block.writeBigUInt64BE(right, 8);
    return this.#cipher.update(this.#block).readBigUInt64BE(0);
  }
}
