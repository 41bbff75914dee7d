/** Decodes content from base64. Its memory is used again for each content, and holds nothing else: Node's own pool of
 *  buffers would keep contents after the end of their session. */
import { ChatError } from './error.ts';

/** Bytes at the start, and most bytes that are kept between two uses. */
const keptBytesMin = 1_024;
const keptBytesMax = 65_536;

export class ContentBytes {
  #memory = Buffer.allocUnsafeSlow(keptBytesMin);

  /** Returns the bytes of canonical base64 with padding (RFC 4648 §3.5, §4), valid until the next call.
   *  @throws ChatError ERR_CHAT_BASE64 for other text */
  decode(text: string): Buffer {
    const memory = this.#room(Buffer.byteLength(text, 'base64'));
    const length = memory.write(text, 'base64');
    if (memory.toString('base64', 0, length) !== text) throw new ChatError('ERR_CHAT_BASE64');
    return memory.subarray(0, length);
  }

  /** Returns memory for so many bytes. */
  #room(bytes: number): Buffer {
    if (bytes <= this.#memory.length) return this.#memory;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#memory.length * 2));
    if (larger.length <= keptBytesMax) this.#memory = larger;
    return larger;
  }
}
