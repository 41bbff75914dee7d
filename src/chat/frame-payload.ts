/** The content of a frame after decryption: one flag byte, then a node, compressed (RFC 1950) if the flag says so. */
import { inflateSync } from 'node:zlib';
import { ChatError } from './error.ts';
import type { ChatLimits } from './limits.ts';
import { frameFlag } from './values.ts';

/** Returns the node's bytes, a view of the frame where it was not compressed.
 *  @throws ChatError ERR_CHAT_TRUNCATED, ERR_CHAT_FLAGS, ERR_CHAT_COMPRESSION, ERR_CHAT_INFLATED_SIZE */
export function uncompressed(frame: Uint8Array, limits: ChatLimits): Buffer {
  const flags = frame[0];
  if (flags === undefined) throw new ChatError('ERR_CHAT_TRUNCATED');
  const payload = Buffer.from(frame.buffer, frame.byteOffset + 1, frame.length - 1);
  if (flags === frameFlag.plain) return payload;
  if (flags !== frameFlag.compressed) throw new ChatError('ERR_CHAT_FLAGS');
  return inflated(payload, limits.inflatedBytesMax);
}

/** Inflates exactly these bytes: zlib would ignore bytes after the compressed stream.
 *  @throws ChatError ERR_CHAT_COMPRESSION, ERR_CHAT_INFLATED_SIZE */
function inflated(payload: Buffer, bytesMax: number): Buffer {
  try {
    const { buffer, engine } = inflateSync(payload, { maxOutputLength: bytesMax, info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    if (engine.bytesWritten === payload.length) return buffer;
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new ChatError(tooLarge ? 'ERR_CHAT_INFLATED_SIZE' : 'ERR_CHAT_COMPRESSION', error);
  }
  throw new ChatError('ERR_CHAT_TRAILING');
}
