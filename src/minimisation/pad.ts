import type { Edit } from '../stanza/verdict.ts';

/** White space after a stanza, so that it takes as many bytes on the wire as others of its bucket. White space
 *  between stanzas means nothing (RFC 6120 §11.7). A stanza larger than every bucket is filled up to the next
 *  multiple of the largest.
 *  @param byteLength of the stanza as it came: its place on the tape.
 *  @param leaving bytes that it will have when its edits are applied.
 *  @param buckets in bytes, ascending, at least one.
 *  @returns undefined when it fits its bucket exactly. */
export function pad(byteLength: number, leaving: number, buckets: readonly number[]): Edit | undefined {
  const missing = bucketOf(leaving, buckets) - leaving;
  if (missing === 0) return undefined;
  return { start: byteLength, end: byteLength, replacement: new Uint8Array(missing).fill(0x20) };
}

/** The size that a stanza of this length is filled up to, in bytes. */
export function bucketOf(length: number, buckets: readonly number[]): number {
  for (const bucket of buckets) if (length <= bucket) return bucket;
  const largest = buckets.at(-1)!;
  return Math.ceil(length / largest) * largest;
}
