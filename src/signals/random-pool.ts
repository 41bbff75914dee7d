/** Draws random bytes in small pieces. */
import { randomFillSync } from 'node:crypto';

const poolBytes = 4096;

/** A pool of random bytes: one call of the system's generator costs as much as a hundredth of as many small ones. No
 *  byte is returned twice or written to. For names that must not repeat; keys are drawn separately. */
export class RandomPool {
  #pool: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Returns random bytes.
   *  @param length at most 4096 */
  take(length: number): Buffer {
    if (this.#at + length > this.#pool.length) {
      this.#pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
      this.#at = 0;
    }
    this.#at += length;
    return this.#pool.subarray(this.#at - length, this.#at);
  }
}
