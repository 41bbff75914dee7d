/** Policies on HTTP, written as functions. */
import type { HttpPolicy } from '../../../src/http/http-policy.ts';

/** Shows everything to every audience. */
export const transparent: HttpPolicy = {
  apply: (_audience, _field, value) => value,
  unmask: (_field, value) => value,
};

/** What is seen of each field; what is not named is withheld. */
export function policyOf(
  fields: Readonly<Record<string, (value: string) => string | undefined>>,
): HttpPolicy {
  return { ...transparent, apply: (_audience, field, value) => fields[field]?.(value) };
}
