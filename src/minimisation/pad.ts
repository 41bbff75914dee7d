/** Pads stanzas with white space, so that each takes as many bytes on the wire as others of its bucket. White space
 *  between stanzas has no meaning (RFC 6120 §11.7). */

/** Most white space after one stanza, in bytes. */
export const paddingBytesMax = 65_536;

/** Returns the padding of a stanza of this length, in bytes. A stanza larger than every bucket is padded to the next
 *  multiple of the largest.
 *  @param buckets in bytes, ascending, at least one */
export function paddingOf(length: number, buckets: readonly number[]): number {
  return Math.min(bucketOf(length, buckets) - length, paddingBytesMax);
}

/** Returns the padded size of a stanza of this length, in bytes. */
function bucketOf(length: number, buckets: readonly number[]): number {
  for (const bucket of buckets) if (length <= bucket) return bucket;
  const largest = buckets.at(-1)!;
  return Math.ceil(length / largest) * largest;
}
