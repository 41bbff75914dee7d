import type { Field } from '../catalogue.ts';
import { errorAt, type Diagnostic } from '../diagnostic.ts';
import type { Rule } from '../policy.ts';

/** Refuses a pseudonym per conversation for a value that is the same towards all contacts, such as the resource, which is
 *  bound once (RFC 6120 §7): two contacts would see the same pseudonym. */
export function refuseScope(field: Field, { treatment, place }: Rule): Diagnostic | undefined {
  if (treatment.kind !== 'pseudonymise' || treatment.scope !== 'conversation') return undefined;
  if (!field.classes.includes('same-for-all')) return undefined;
  const reason = 'scope: conversation is not possible: two contacts would see the same pseudonym';
  const remedy = 'Write scope: session, or scope: account';
  return errorAt(place, 'ERR_POLICY_SCOPE', reason, { field: field.name, remedy });
}
