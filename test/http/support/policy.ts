/** Policies on HTTP, written as functions. */
import type { HttpPolicy } from '../../../src/http/http-policy.ts';

/** Shows everything to every audience. */
export const transparent: HttpPolicy = {
  see: (_audience, _field, value) => value,
  reveal: (_field, value) => value,
};

/** What is seen of each field; what is not named is withheld. */
export function policyOf(
  fields: Readonly<Record<string, (value: string) => string | undefined>>,
): HttpPolicy {
  return { ...transparent, see: (_audience, field, value) => fields[field]?.(value) };
}
