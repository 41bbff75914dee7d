/** Digests that identify the operator's documents in logs, in the admin API and in attestations. */
import { createHash } from 'node:crypto';

/** Returns SHA-256 in base64url, over each text in UTF-8, preceded by its length in UTF-16 code units and a colon.
 *  @param texts of the files of a document: itself first, then those that it extends */
export function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64url');
}
