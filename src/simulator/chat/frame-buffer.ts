/** Frames of the chat channel: three bytes of length, then that many bytes, split anywhere by the transport. */

export const lengthBytes = 3;

/** Received bytes up to the end of the next frame. */
export class FrameBuffer {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  get length(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Returns the next frame without its length; undefined while it is incomplete.
   *  @throws Error when it announces more than `frameBytesMax` bytes */
  frame(frameBytesMax: number): Buffer | undefined {
    const header = this.peek(lengthBytes);
    if (header === undefined) return undefined;
    const length = header.readUIntBE(0, lengthBytes);
    if (length > frameBytesMax) throw new Error('a frame exceeds its limit');
    if (this.#bytes < lengthBytes + length) return undefined;
    return this.take(lengthBytes + length)!.subarray(lengthBytes);
  }

  /** Returns a number of bytes without removing them; undefined when fewer have come. */
  peek(count: number): Buffer | undefined {
    if (this.#bytes < count) return undefined;
    if (this.#chunks[0]!.length < count) this.#join();
    return Buffer.from(this.#chunks[0]!.subarray(0, count));
  }

  /** Removes and returns a number of bytes; undefined when fewer have come. */
  take(count: number): Buffer | undefined {
    const taken = this.peek(count);
    if (taken === undefined) return undefined;
    const rest = this.#chunks[0]!.subarray(count);
    if (rest.length === 0) this.#chunks.shift();
    else this.#chunks[0] = rest;
    this.#bytes -= count;
    return taken;
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

/** Returns the bytes of a frame. */
export function frameOf(content: Uint8Array): Buffer {
  const header = Buffer.alloc(lengthBytes);
  header.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([header, content]);
}
