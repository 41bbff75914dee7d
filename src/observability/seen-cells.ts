/** Remembers for one session which combinations were counted in the current interval, so that each is counted as one
 *  session. A bit for each combination; nothing is allocated before the first decision. */
export class SeenCells {
  #interval = -1;
  #bits: Uint32Array | undefined;

  /** Notes a combination.
   *  @param interval number of the interval; another one than before forgets all
   *  @returns whether it is the first time in this interval */
  note(interval: number, cell: number): boolean {
    const word = cell >>> 5;
    const bits = this.#bitsFor(interval, word);
    const bit = 1 << (cell & 31);
    if ((bits[word]! & bit) !== 0) return false;
    bits[word]! |= bit;
    return true;
  }

  #bitsFor(interval: number, word: number): Uint32Array {
    let bits = this.#bits;
    if (bits === undefined || bits.length <= word) {
      const grown = new Uint32Array(Math.max(8, 2 ** Math.ceil(Math.log2(word + 1))));
      if (bits !== undefined) grown.set(bits);
      this.#bits = grown;
      bits = grown;
    }
    if (this.#interval !== interval) {
      this.#interval = interval;
      bits.fill(0);
    }
    return bits;
  }
}
