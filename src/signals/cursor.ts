import { asBuffer } from './as-buffer.ts';

/** Reads big-endian fields of a byte range, and never past its end. A read that does not fit returns 0 or nothing,
 *  and marks the cursor as overrun. The caller checks once at the end, not after every field. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #overrun = false;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Number of bytes not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Whether every read fitted, and every range passed to `finish` was read to its end. */
  get intact(): boolean {
    return !this.#overrun;
  }

  u8(): number {
    return this.#advance(1) ? this.#bytes[this.#at - 1]! : 0;
  }

  u16(): number {
    return this.#advance(2) ? (this.#bytes[this.#at - 2]! << 8) | this.#bytes[this.#at - 1]! : 0;
  }

  u24(): number {
    const high = this.u8();
    return (high << 16) | this.u16();
  }

  u32(): number {
    const high = this.u16();
    return high * 0x10000 + this.u16();
  }

  /** Returns the next `bytes` bytes as 16-bit fields; an odd number of bytes is an overrun. */
  u16s(bytes: number): number[] {
    if ((bytes & 1) === 1 || !this.#advance(bytes)) {
      this.#overrun = true;
      return [];
    }
    const values: number[] = [];
    for (let at = this.#at - bytes; at < this.#at; at += 2)
      values.push((this.#bytes[at]! << 8) | this.#bytes[at + 1]!);
    return values;
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** Returns the next `length` bytes, one character each. */
  latin1(length: number): string {
    return this.#advance(length) ? asBuffer(this.#bytes).toString('latin1', this.#at - length, this.#at) : '';
  }

  /** Returns the next `length` bytes, without a copy. */
  take(length: number): Uint8Array {
    return this.#advance(length) ? this.#bytes.subarray(this.#at - length, this.#at) : new Uint8Array(0);
  }

  /** Returns a cursor over the next `length` bytes, which this one skips. */
  range(length: number): Cursor {
    return this.#advance(length)
      ? new Cursor(this.#bytes, this.#at - length, this.#at)
      : new Cursor(this.#bytes, 0, 0);
  }

  /** Requires that `part` was read to its end without an overrun. */
  finish(part: Cursor): void {
    if (!part.intact || part.left > 0) this.#overrun = true;
  }

  #advance(length: number): boolean {
    if (this.#overrun || length > this.#end - this.#at) {
      this.#overrun = true;
      return false;
    }
    this.#at += length;
    return true;
  }
}
