/** Random bytes in small pieces. */
import { randomFillSync } from 'node:crypto';

const poolBytes = 4096;

/** Random bytes a few at a time: one call of the system's generator is worth a hundred small ones. What was given is
 *  never given again, nor written to. For names that must not repeat; keys are to be drawn by themselves. */
export class RandomPool {
  #pool: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param length at most 4096 */
  take(length: number): Buffer {
    if (this.#at + length > this.#pool.length) {
      this.#pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
      this.#at = 0;
    }
    this.#at += length;
    return this.#pool.subarray(this.#at - length, this.#at);
  }
}
