import type { Edit } from '../stanza/verdict.ts';

/** Handed out in slices: padding allocates no bytes. */
const spaces = new Uint8Array(65_536).fill(0x20);

/** White space after a stanza, so that it takes as many bytes on the wire as others of its bucket. White space
 *  between stanzas means nothing (RFC 6120 §11.7). A stanza larger than every bucket is filled up to the next
 *  multiple of the largest.
 *  @param byteLength of the stanza as it came: its place on the tape.
 *  @param leaving bytes that it will have when its edits are applied.
 *  @param buckets in bytes, ascending, at least one.
 *  @returns undefined when it fits its bucket exactly. */
export function pad(byteLength: number, leaving: number, buckets: readonly number[]): Edit | undefined {
  const missing = Math.min(bucketOf(leaving, buckets) - leaving, spaces.length);
  if (missing === 0) return undefined;
  return { start: byteLength, end: byteLength, replacement: spaces.subarray(0, missing) };
}

/** The size that a stanza of this length is filled up to, in bytes. */
export function bucketOf(length: number, buckets: readonly number[]): number {
  for (const bucket of buckets) if (length <= bucket) return bucket;
  const largest = buckets.at(-1)!;
  return Math.ceil(length / largest) * largest;
}
