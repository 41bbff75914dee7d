/** Structural indexing: the first pass over received bytes.
 *
 *  One pass finds every byte at which the scanner must decide, and validates UTF-8. All other bytes, above all
 *  ciphertext, are not read again. Two implementations give identical answers: a portable one (portable.ts), which
 *  is the reference, and one by WebAssembly SIMD (simd.ts). */
import type { PlainStanza } from './plain.ts';

export interface Structure {
  /** Positions found by the last `index` call, relative to the start of the slice, ascending. */
  readonly positions: Int32Array;
  /** Position where the last slice stopped being UTF-8 text of XML characters, or -1: the first byte that cannot
   *  continue a valid sequence, or that ends U+FFFE or U+FFFF. */
  readonly invalidAt: number;
  /** The UTF-8 state after the last slice, for the next `index` call of the same stream. 0 is "between characters". */
  readonly utf8State: number;
  /** Reads stanzas in the usual form from the last slice; undefined where the scanner reads all. */
  readonly plain?: PlainStanza | undefined;

  /** Indexes `bytes[start, end)`, at most `sliceBytesMax` bytes.
   *
   *  Structural bytes are `<` `>` `&` `'` `"` and every control character below U+0020. Nothing at or after `invalidAt`
   *  is reported.
   *  @returns number of positions found */
  index(bytes: Uint8Array, start: number, end: number, utf8State: number): number;

  /** Overwrites copies of the bytes of earlier slices. */
  forget(): void;
}

/** Most bytes of one `index` call. Longer input is indexed in several calls. */
export const sliceBytesMax = 65_536;
