/** Memory for bytes that leave: parts of a slab that nothing else uses. Node's own pool is shared with buffers that
 *  outlive every session, which would keep the bytes of stanzas next to them. */

const slabBytes = 65_536;
/** Longer outputs get memory of their own. */
const partBytesMax = slabBytes / 4;

export class OutputMemory {
  #slab: Buffer | undefined;
  #used = 0;

  /** Returns `length` bytes with any content. */
  take(length: number): Buffer {
    if (length > partBytesMax) return Buffer.allocUnsafeSlow(length);
    if (this.#slab === undefined || this.#used + length > slabBytes) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const part = this.#slab.subarray(this.#used, this.#used + length);
    this.#used += length;
    return part;
  }

  /** Lets go of the slab: it is released with the last of its parts. */
  retire(): void {
    this.#slab = undefined;
  }
}
