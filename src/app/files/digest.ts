/** Digests that identify the operator's documents in logs, in the admin API and in attestations. */
import { createHash } from 'node:crypto';

/** @param texts of the files that a document is made of: itself first, then what it extends
 *  @returns SHA-256, base64url, over each text in UTF-8, preceded by its length in UTF-16 code units and a colon */
export function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64url');
}
