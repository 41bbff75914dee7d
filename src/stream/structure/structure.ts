/** Structural indexing: the first pass over arriving bytes.
 *
 *  One pass finds every byte at which the scanner has to stop and think, and validates UTF-8 on the way. All other
 *  bytes, above all ciphertext, are never looked at again. Two implementations give identical answers: a portable
 *  one (portable.ts), which is the reference, and WebAssembly SIMD (simd.ts). */
export interface Structure {
  /** Positions found by the last `index` call, relative to the start of the slice, ascending. */
  readonly positions: Int32Array;
  /** Where the last slice stopped being UTF-8 text of XML characters (the first byte that cannot continue any
   *  valid sequence, or ends U+FFFE or U+FFFF), or -1. */
  readonly invalidAt: number;
  /** The UTF-8 state after the last slice: pass it to the next `index` call of the same stream. 0 is "between
   *  characters". */
  readonly utf8State: number;

  /** Indexes `bytes[start, end)`, at most `sliceBytesMax` of them.
   *
   *  Structural bytes are `<` `>` `&` `'` `"` and every control character below U+0020. Nothing at or after
   *  `invalidAt` is reported.
   *  @returns how many positions were found. */
  index(bytes: Uint8Array, start: number, end: number, utf8State: number): number;
}

/** Most bytes that one `index` call takes. Longer input is indexed in several calls. */
export const sliceBytesMax = 65_536;
