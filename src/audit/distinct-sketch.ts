/** Counts different values in bounded memory, by a sample of them (Flajolet 1990, Computing 43, 391–400; "adaptive
 *  sampling"). Exact while they fit. When they no longer do, those whose hash has one more zero bit are kept, about
 *  half, and each stands for twice as many. */
import { z95, type Estimate } from './entropy.ts';
import { lowOf } from './value-hash.ts';

/** Values of one field that are kept at most. */
export const valuesKeptMax = 2_048;

export class DistinctSketch {
  #slots = new Float64Array(16);
  #kept = 0;
  /** Number of zero bits that the hash of a kept value has. */
  #level = 0;

  /** Adds a value by its hash. */
  add(hash: number): void {
    if (!this.#selects(hash)) return;
    if (!this.#insert(this.#slots, hash)) return;
    this.#kept += 1;
    if (this.#kept > valuesKeptMax) this.#thin();
    else if (this.#kept * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2);
  }

  /** Returns the number of values. Both ends of the interval are equal where it is exact; the error of a sampled one is
   *  that of binomial sampling. */
  count(): Estimate {
    const each = 2 ** this.#level;
    if (this.#level === 0) return { value: this.#kept, interval: { low: this.#kept, high: this.#kept } };
    const error = z95 * Math.sqrt(this.#kept * each * (each - 1));
    // A sample is begun with one value more than fit.
    const least = valuesKeptMax + 1;
    const value = Math.max(least, this.#kept * each);
    return { value, interval: { low: Math.max(least, value - error), high: value + error } };
  }

  #selects(hash: number): boolean {
    return (lowOf(hash) & (2 ** this.#level - 1)) === 0;
  }

  #thin(): void {
    while (this.#kept > valuesKeptMax / 2) {
      this.#level += 1;
      this.#rebuild(this.#slots.length);
    }
  }

  #rebuild(size: number): void {
    const slots = new Float64Array(size);
    this.#kept = 0;
    for (const stored of this.#slots)
      if (stored !== 0 && this.#selects(stored - 1) && this.#insert(slots, stored - 1)) this.#kept += 1;
    this.#slots = slots;
  }

  /** @returns whether the value was not there */
  #insert(slots: Float64Array, hash: number): boolean {
    const mask = slots.length - 1;
    // 0 is an empty slot.
    const stored = hash + 1;
    // The low bits of kept hashes are zero.
    for (let slot = (Math.floor(hash / 0x4000_0000) ^ (hash / 0x400)) & mask; ; slot = (slot + 1) & mask) {
      if (slots[slot] === stored) return false;
      if (slots[slot] === 0) {
        slots[slot] = stored;
        return true;
      }
    }
  }
}
