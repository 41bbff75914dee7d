/** Remembers for one session which combinations were counted in the current interval, so that each is counted as one
 *  session. A bit for each combination; nothing is allocated before the first decision. */
export class SeenCells {
  #interval = -1;
  #bits: Uint32Array | undefined;

  /** Returns the bits of an interval, for the caller to read and set; another interval than before has none set.
   *  @param cells the number of combinations, each with its bit: number n is bit n mod 32 of word n div 32 */
  bits(interval: number, cells: number): Uint32Array {
    const words = (cells + 31) >>> 5;
    let bits = this.#bits;
    if (bits === undefined || bits.length < words) this.#bits = bits = grown(bits, words);
    if (this.#interval !== interval) {
      this.#interval = interval;
      bits.fill(0);
    }
    return bits;
  }
}

function grown(bits: Uint32Array | undefined, words: number): Uint32Array {
  const larger = new Uint32Array(Math.max(8, 2 ** Math.ceil(Math.log2(words))));
  if (bits !== undefined) larger.set(bits);
  return larger;
}
