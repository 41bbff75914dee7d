/** What a policy says of a canary, computed from the policy alone. */
import type { Treatment } from '../minimisation/treatment.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';
import type { Canary } from './canary.ts';

/** Treatments after which the value, as it was sent, is with the audience. */
const showing: ReadonlySet<Treatment['kind']> = new Set(['keep', 'pad', 'delay', 'equalise']);

/** Returns whether the policy lets the receiving audience have the value. An exception counts while it applies, for
 *  whatever session: a value that it shows to some is no leak. @param now milliseconds since 1970 */
export function isShown(
  { matrix, unlisted, exceptions }: Policy,
  { field, audience }: Canary,
  now: number,
): boolean {
  const isShownAfter = ({ kind }: Treatment): boolean =>
    // What is lowered goes on, with another value of one attribute. The canary is in the rest of it.
    showing.has(kind) || (kind === 'lower' && typeof field.lower === 'object');
  if (isShownAfter(treatmentOf({ matrix, unlisted }, audience, field.name).treatment)) return true;
  return exceptions.some((exception) => {
    const rule = exception.matrix[audience].get(field.name);
    return rule !== undefined && now < exception.expiresAt && isShownAfter(rule.treatment);
  });
}

/** Returns the longest time for which a policy holds a stanza back, in milliseconds. */
export function longestWaitMs({ matrix, exceptions }: Policy): number {
  const rules = [matrix, ...exceptions.map((exception) => exception.matrix)].flatMap((each) =>
    Object.values(each).flatMap((fields) => [...fields.values()]),
  );
  return Math.max(0, ...rules.map(({ treatment }) => waitOf(treatment)));
}

function waitOf(treatment: Treatment): number {
  if (treatment.kind === 'delay') return treatment.upToMs;
  return treatment.kind === 'equalise' ? treatment.afterMs : 0;
}
