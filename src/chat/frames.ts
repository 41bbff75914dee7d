/** Frames of the chat channel: a length in three bytes, big-endian, then that many bytes. */
import { ChatError } from './error.ts';

export const lengthBytes = 3;
/** First length that three bytes cannot hold. */
export const frameBytesEnd = 2 ** 24;

/** First bytes of a connection: `WA`, the protocol's number, the dictionary's version. They are the Noise prologue. */
export const intro = Buffer.from([0x57, 0x41, 6, 3]);

/** Returns the length prefix of a frame.
 *  @throws ChatError ERR_CHAT_FRAME_SIZE */
export function frameHeader(byteLength: number): Buffer {
  if (byteLength >= frameBytesEnd) throw new ChatError('ERR_CHAT_FRAME_SIZE');
  const header = Buffer.allocUnsafe(lengthBytes);
  header.writeUIntBE(byteLength, 0, lengthBytes);
  return header;
}

/** Splits a stream of bytes into frames. A frame that arrives in one chunk is not copied. Memory for an unfinished
 *  frame grows with the bytes received, not with the announced length. */
export class FrameReader {
  /** Bytes of the largest frame, checked when its length is complete. */
  bytesMax: number;
  /** Bytes of the frame's length read so far, and their value. */
  #lengthRead = 0;
  #length = 0;
  #held = Buffer.alloc(0);
  #heldLength = 0;
  #halted = false;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Number of bytes held of an unfinished frame, its length included. */
  get bytesHeld(): number {
    return this.#lengthRead + this.#heldLength;
  }

  /** Stops after the frame just passed. Called inside `onFrame`. */
  halt(): void {
    this.#halted = true;
  }

  /** Calls `onFrame` with each complete frame, which is valid during the call only.
   *  @returns number of bytes taken: all, unless `halt` was called. The rest may be pushed again to go on
   *  @throws ChatError ERR_CHAT_FRAME_SIZE */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): number {
    let at = 0;
    this.#halted = false;
    while (at < chunk.length && !this.#halted) {
      if (this.#lengthRead < lengthBytes) {
        this.#length = (this.#length << 8) | chunk[at]!;
        this.#lengthRead += 1;
        at += 1;
        if (this.#lengthRead === lengthBytes && this.#length > this.bytesMax)
          throw new ChatError('ERR_CHAT_FRAME_SIZE');
        // A frame of no bytes is complete with its length.
        if (this.#lengthRead < lengthBytes || this.#length > 0) continue;
      }
      const missing = this.#length - this.#heldLength;
      const end = Math.min(chunk.length, at + missing);
      const part = chunk.subarray(at, end);
      at = end;
      if (part.length < missing) this.#hold(part);
      else this.#complete(part, onFrame);
    }
    return at;
  }

  #complete(part: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let frame = part;
    if (this.#heldLength > 0) {
      this.#hold(part);
      frame = this.#held.subarray(0, this.#length);
    }
    this.#held = Buffer.alloc(0);
    this.#heldLength = 0;
    this.#length = 0;
    this.#lengthRead = 0;
    onFrame(frame);
  }

  #hold(part: Uint8Array): void {
    const needed = this.#heldLength + part.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(needed, this.#held.length * 2)));
      grown.set(this.#held.subarray(0, this.#heldLength));
      this.#held = grown;
    }
    this.#held.set(part, this.#heldLength);
    this.#heldLength = needed;
  }
}
