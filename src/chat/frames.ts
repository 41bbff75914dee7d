/** Frames of the chat channel: three bytes of length, big-endian, then as many bytes. */
import { ChatError } from './error.ts';

export const lengthBytes = 3;
/** What three bytes can say at most. */
export const frameBytesEnd = 2 ** 24;

/** First bytes of a connection: `WA`, the protocol's number, the dictionary's version. They are the Noise prologue. */
export const intro = Buffer.from([0x57, 0x41, 6, 3]);

/** Returns the length prefix of a frame. */
export function frameHeader(byteLength: number): Buffer {
  if (byteLength >= frameBytesEnd) throw new ChatError('ERR_CHAT_FRAME_SIZE');
  const header = Buffer.allocUnsafe(lengthBytes);
  header.writeUIntBE(byteLength, 0, lengthBytes);
  return header;
}

/** Splits a stream of bytes into frames. A frame that arrives in one chunk is not copied. What is held of an unfinished
 *  one grows with what has arrived, not with what was announced. */
export class FrameReader {
  /** Bytes of a frame at most; checked when its length is known. */
  bytesMax: number;
  /** Bytes of the frame's length read so far, and their value. */
  #lengthRead = 0;
  #length = 0;
  #held = Buffer.alloc(0);
  #heldLength = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Bytes of an unfinished frame, its length included. */
  get bytesHeld(): number {
    return this.#lengthRead + this.#heldLength;
  }

  /** Calls `onFrame` with each frame that became whole. A frame is valid during the call only.
   *  @throws ChatError ERR_CHAT_FRAME_SIZE */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#lengthRead < lengthBytes) {
        this.#length = (this.#length << 8) | chunk[at]!;
        this.#lengthRead += 1;
        at += 1;
        if (this.#lengthRead === lengthBytes && this.#length > this.bytesMax)
          throw new ChatError('ERR_CHAT_FRAME_SIZE');
        // A frame of no bytes is whole with its length.
        if (this.#lengthRead < lengthBytes || this.#length > 0) continue;
      }
      const missing = this.#length - this.#heldLength;
      const end = Math.min(chunk.length, at + missing);
      const part = chunk.subarray(at, end);
      at = end;
      if (part.length < missing) this.#hold(part);
      else this.#complete(part, onFrame);
    }
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
