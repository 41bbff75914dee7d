/** Collects the first bytes of a connection. */
import { asBuffer } from './as-buffer.ts';

const nothing: Buffer = Buffer.alloc(0);

/** Received bytes in one piece. The first chunk, usually the only one, is kept without a copy; further ones are
 *  appended in a buffer that doubles, so that n bytes cost O(n) however they are split. */
export class ByteQueue {
  #buffer = nothing;
  #length = 0;
  #owned = false;

  get length(): number {
    return this.#length;
  }

  /** Returns all bytes so far, valid until the next `push`. */
  bytes(): Buffer {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#length);
  }

  push(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.#buffer = asBuffer(chunk);
      this.#length = chunk.length;
      this.#owned = false;
      return;
    }
    this.#reserve(this.#length + chunk.length);
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  #reserve(needed: number): void {
    if (this.#owned && needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#length, 512));
    grown.set(this.bytes());
    this.#buffer = grown;
    this.#owned = true;
  }
}
