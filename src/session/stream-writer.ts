import type { Socket } from 'node:net';
import { lengthOf, writeParts } from '../stanza/own-bytes.ts';
import type { OutputMemory } from '../stream/output-memory.ts';

/** Bytes of the largest TLS record (RFC 8446 §5.1). */
const recordBytesMax = 16_384;

/** The writing half of a connection. Collects byte ranges and passes them to the socket in one write per flush;
 *  adjoining ranges of one buffer are joined without a copy. Output larger than a TLS record is cut between two UTF-8
 *  characters, because some clients decode each record by itself. */
export class StreamWriter {
  /** Whether a stream header has been written. */
  open = false;
  readonly socket: Socket;
  readonly #memory: OutputMemory;
  #buffer: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  /** The ranges before the current one. */
  #pieces: Uint8Array[] = [];
  #closed = false;

  /** @param memory for ranges that are joined by a copy */
  constructor(socket: Socket, memory: OutputMemory) {
    this.socket = socket;
    this.#memory = memory;
  }

  /** Discards what was queued and everything written from now on. */
  close(): void {
    this.#closed = true;
    this.#pieces = [];
    this.#buffer = undefined;
  }

  /** Queues `bytes[start, end)`. The buffer must not change afterwards. */
  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.#buffer === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    if (this.#buffer !== undefined) this.#pieces.push(this.#range(this.#buffer));
    this.#buffer = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Returns the range that was queued last. */
  #range(buffer: Uint8Array): Uint8Array {
    const whole = this.#start === 0 && this.#end === buffer.length;
    return whole ? buffer : buffer.subarray(this.#start, this.#end);
  }

  #joined(last: Uint8Array): Uint8Array {
    const pieces = [...this.#pieces, last];
    this.#pieces = [];
    return writeParts(this.#memory.take(lengthOf(pieces)), pieces);
  }

  /** Passes queued output to the socket.
   *  @returns false when its buffer is full; `drain` follows */
  flush(): boolean {
    if (this.#buffer === undefined) return !this.socket.writableNeedDrain;
    const last = this.#range(this.#buffer);
    this.#buffer = undefined;
    // Most flushes have one range.
    const output = this.#pieces.length === 0 ? last : this.#joined(last);
    if (this.#closed || !this.socket.writable) return true;
    let from = 0;
    while (output.length - from > recordBytesMax) {
      const to = characterBorder(output, from + recordBytesMax);
      this.socket.write(output.subarray(from, to));
      from = to;
    }
    return this.socket.write(from === 0 ? output : output.subarray(from));
  }
}

/** Returns the last position at or before `at` that does not split a UTF-8 character. */
function characterBorder(bytes: Uint8Array, at: number): number {
  let border = at;
  while ((bytes[border]! & 0xc0) === 0x80) border -= 1;
  return border;
}
