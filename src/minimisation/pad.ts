/** White space after a stanza, so that it takes as many bytes on the wire as others of its bucket. White space between
 *  stanzas means nothing (RFC 6120 §11.7). */

/** Most white space after one stanza, in bytes. */
const paddingBytesMax = 65_536;

/** How much a stanza of this length is filled up with, in bytes. A stanza larger than every bucket is filled up to
 *  the next multiple of the largest.
 *  @param buckets in bytes, ascending, at least one. */
export function paddingOf(length: number, buckets: readonly number[]): number {
  return Math.min(bucketOf(length, buckets) - length, paddingBytesMax);
}

/** The size that a stanza of this length is filled up to, in bytes. */
function bucketOf(length: number, buckets: readonly number[]): number {
  for (const bucket of buckets) if (length <= bucket) return bucket;
  const largest = buckets.at(-1)!;
  return Math.ceil(length / largest) * largest;
}
