/** A fast seeded generator (xorshift32), for tests that need hundreds of thousands of inputs and must be able to
 *  make the same ones again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Any seed but 0 will do; neighbours must not begin alike.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  }

  /** An integer from 0 up to `limit`, exclusive. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Cuts bytes into chunks of 1 to `sizeMax` bytes. */
  chunks(bytes: Uint8Array, sizeMax: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + this.below(sizeMax);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    return chunks;
  }
}
