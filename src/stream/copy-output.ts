/** An output buffer for copies of one source. Ranges that are adjacent in the source are copied together, with bytes
 *  written in between when the source has the same bytes there. */
export class CopyOutput {
  readonly #capacityMax: number;
  #bytesMax = 0;
  #buffer = new Uint8Array(0);
  #length = 0;
  /** Bytes of the longest output since `forget`. */
  #longest = 0;
  #source = new Uint8Array(0);
  #sourceEnd = 0;
  /** Start of the range of the source that is written but not copied yet. */
  #from = 0;
  #to = 0;
  /** Whether more than `bytesMax` were written; later output is discarded. */
  full = false;

  /** @param capacityMax bytes of the largest output */
  constructor(capacityMax: number) {
    this.#capacityMax = capacityMax;
  }

  /** Starts an output of at most `bytesMax` bytes, from a source that ends before `sourceEnd`. */
  begin(source: Uint8Array, sourceEnd: number, bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#source = source as Uint8Array<ArrayBuffer>;
    this.#sourceEnd = sourceEnd;
    this.#length = 0;
    this.#from = 0;
    this.#to = 0;
    this.full = false;
  }

  /** Writes `source[start, end)`. */
  range(start: number, end: number): void {
    if (start !== this.#to) {
      this.#flush();
      this.#from = start;
    }
    this.#to = end;
  }

  /** Writes bytes that are not from the source. */
  literal(bytes: Uint8Array): void {
    if (this.#sourceGoesOn(bytes)) {
      this.#to += bytes.length;
      return;
    }
    this.#flush();
    if (!this.#reserve(bytes.length)) return;
    copy(bytes, 0, bytes.length, this.#buffer, this.#length);
    this.#length += bytes.length;
    this.#from = 0;
    this.#to = 0;
  }

  /** Returns the output, valid until the next `begin`; undefined when it exceeds `bytesMax`. */
  finish(): Uint8Array | undefined {
    this.#flush();
    this.#longest = Math.max(this.#longest, this.#length);
    // Releases the peer's bytes.
    this.#source = noBytes;
    return this.full ? undefined : this.#buffer.subarray(0, this.#length);
  }

  /** Overwrites every earlier output. */
  forget(): void {
    this.#buffer.fill(0, 0, this.#longest);
    this.#longest = 0;
  }

  #sourceGoesOn(bytes: Uint8Array): boolean {
    const at = this.#to;
    if (at === this.#from || at + bytes.length > this.#sourceEnd) return false;
    for (let i = 0; i < bytes.length; i += 1) if (this.#source[at + i] !== bytes[i]) return false;
    return true;
  }

  #flush(): void {
    const length = this.#to - this.#from;
    if (length === 0 || !this.#reserve(length)) return;
    copy(this.#source, this.#from, this.#to, this.#buffer, this.#length);
    this.#length += length;
    this.#from = this.#to;
  }

  #reserve(length: number): boolean {
    const needed = this.#length + length;
    if (this.full || needed > this.#bytesMax) {
      this.full = true;
      return false;
    }
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#capacityMax, Math.max(bufferInitial, needed * 2)));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    return true;
  }
}

const noBytes = new Uint8Array(0);
const bufferInitial = 4_096;

/** Longest copy made by a loop: for shorter ones, a subarray costs more than the native copy saves. */
const loopBytesMax = 48;

function copy(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > loopBytesMax) return target.set(source.subarray(start, end), at);
  for (let i = start, to = at; i < end; i += 1, to += 1) target[to] = source[i]!;
}
