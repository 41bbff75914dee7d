/** Applies the policy in force to headers, notifications and downloads. */
import type { JsonScalar } from './strict-json.ts';

/** The party that a field is sent to over HTTP. */
export type HttpAudience = 'gatekeeper' | 'provider';

export interface HttpPolicy {
  /** Returns what an audience may see of a value; undefined withholds it. Counts the decision.
   *  @param field a name of the catalogue; any other is treated as unlisted
   *  @param gatekeeper name in the configuration of the gatekeeper concerned */
  apply(audience: HttpAudience, field: string, value: string, gatekeeper: string): string | undefined;
  /** Maps a pseudonym for the gatekeeper back to its value; returns any other value unchanged. */
  unmask(field: string, value: string, gatekeeper: string): string;
}

/** Returns what an audience may see of a JSON value; undefined withholds it. A number stays a number when its
 *  treated text is one. */
export function applyToScalar(
  policy: HttpPolicy,
  audience: HttpAudience,
  field: string,
  value: JsonScalar,
  gatekeeper: string,
): JsonScalar | undefined {
  const seen = policy.apply(audience, field, String(value), gatekeeper);
  if (seen === undefined || typeof value === 'string') return seen;
  if (seen === String(value)) return value;
  return typeof value === 'number' && seen.trim() !== '' && Number.isFinite(Number(seen))
    ? Number(seen)
    : seen;
}
