/** Allocates buffers for stanzas to send, as parts of a slab that holds nothing else. Node's own pool also has buffers
 *  that outlive every session, and they would keep the stanzas next to them alive. */

const slabBytes = 65_536;
/** Longer outputs get memory of their own. */
const partBytesMax = slabBytes / 4;

export class OutputMemory {
  #slab: Buffer | undefined;
  #used = 0;

  /** Allocates a buffer of `length` bytes, whose content is undefined. */
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
