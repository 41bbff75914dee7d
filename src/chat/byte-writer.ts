/** A buffer that grows up to a bound. One instance is reused for each stanza. */

/** Bytes at the start, and most bytes that are kept between two uses. */
const keptBytesMax = 65_536;

export class ByteWriter {
  readonly #bytesMax: number;
  readonly #tooLarge: () => Error;
  #buffer = Buffer.allocUnsafeSlow(1024);
  length = 0;

  /** @param tooLarge makes the error that is thrown when more than `bytesMax` bytes are written */
  constructor(bytesMax: number, tooLarge: () => Error) {
    this.#bytesMax = bytesMax;
    this.#tooLarge = tooLarge;
  }

  /** Starts anew; earlier results of `bytes` are overwritten. */
  reset(): void {
    this.length = 0;
    if (this.#buffer.length > keptBytesMax) this.#buffer = Buffer.allocUnsafeSlow(1024);
  }

  /** Returns what was written, valid until the next use. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  byte(value: number): void {
    this.#ensure(1);
    this.#buffer[this.length] = value;
    this.length += 1;
  }

  /** Writes ASCII text, one byte per character. */
  ascii(text: string): void {
    this.#ensure(text.length);
    const buffer = this.#buffer;
    let at = this.length;
    for (let index = 0; index < text.length; index += 1, at += 1) buffer[at] = text.charCodeAt(index);
    this.length = at;
  }

  utf8(text: string): void {
    this.#ensure(text.length * 3);
    this.length += this.#buffer.write(text, this.length);
  }

  /** Writes `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.#ensure(end - start);
    if (end - start < 64) {
      const buffer = this.#buffer;
      for (let from = start, at = this.length; from < end; from += 1, at += 1) buffer[at] = source[from]!;
    } else this.#buffer.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }

  /** Writes `source[start, end)` as base64 with padding. */
  base64(source: Buffer, start: number, end: number): void {
    const text = source.toString('base64', start, end);
    this.#ensure(text.length);
    this.length += this.#buffer.write(text, this.length, 'latin1');
  }

  /** Reserves `count` bytes.
   *  @throws the error of `tooLarge` */
  #ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#buffer.length) return;
    if (needed > this.#bytesMax) throw this.#tooLarge();
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.#buffer.length * 2), this.#bytesMax));
    grown.set(this.bytes());
    this.#buffer = grown;
  }
}
