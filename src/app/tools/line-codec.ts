/** The codec of the chat channel for lines in files, as `narthex chat` prints and reads them. */
import { LineCodec, type LineCodecOptions } from '../../chat/line-codec.ts';

export function createLineCodec(options: LineCodecOptions): LineCodec {
  return new LineCodec(options);
}
