/** What the policy in force says about HTTP: who may see what of headers, notifications and downloads. */
import type { JsonScalar } from './strict-json.ts';

/** Whoever a field goes to over HTTP. */
export type HttpAudience = 'gatekeeper' | 'provider';

export interface HttpPolicy {
  /** What an audience may see of a value; undefined withholds it. The decision is counted.
   *  @param field a name of the catalogue; one it does not have is treated as unlisted.
   *  @param gatekeeper the operator's name for the one concerned. */
  see(audience: HttpAudience, field: string, value: string, gatekeeper: string): string | undefined;
  /** The value behind a pseudonym that the gatekeeper was given for a field; anything else as it is. */
  reveal(field: string, value: string, gatekeeper: string): string;
}

/** The same for a value of JSON, whose type stays if what is left of it allows. */
export function seeScalar(
  policy: HttpPolicy,
  audience: HttpAudience,
  field: string,
  value: JsonScalar,
  gatekeeper: string,
): JsonScalar | undefined {
  const seen = policy.see(audience, field, String(value), gatekeeper);
  if (seen === undefined || typeof value === 'string') return seen;
  if (seen === String(value)) return value;
  return typeof value === 'number' && seen.trim() !== '' && Number.isFinite(Number(seen))
    ? Number(seen)
    : seen;
}
