/** The digest that names a policy: in `/api/policy`, in attestations, in the ledger and in reports. */
import { createHash } from 'node:crypto';

/** Returns SHA-256 over the texts of a policy and of those that it extends, each with its length, in base64url. */
export function policyDigestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return hash.digest('base64url');
}
