/** The exceptions of a policy in words: their conditions, changes, approver and end. */
import { describeWhen } from './condition.ts';
import { describeTreatment } from './describe.ts';
import type { Policy, PolicyException } from './policy.ts';
import { audienceNames } from './schema.ts';

/** An exception of a policy, whether it still applies or not. */
export interface ExceptionSummary {
  /** Conditions by the keys of a policy, such as `contact-domain`; all must hold. */
  readonly when: Readonly<Record<string, string>>;
  /** Treatments in words, by audience and field. */
  readonly audiences: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly why: string;
  readonly approvedBy: string;
  /** The last day on which it applies (UTC), as the policy writes it. */
  readonly expires: string;
  readonly expired: boolean;
}

const dayMs = 86_400_000;

/** Returns every exception of a policy, inherited ones first. @param now milliseconds since 1970 */
export function summariseExceptions({ exceptions }: Policy, now: number): readonly ExceptionSummary[] {
  return exceptions.map((exception) => summarise(exception, now));
}

function summarise(
  { when, matrix, why, approvedBy, expiresAt }: PolicyException,
  now: number,
): ExceptionSummary {
  const audiences = audienceNames.flatMap((audience) => {
    const rules = [...matrix[audience].values()];
    const treatments = rules.map(({ field, treatment }) => [field, describeTreatment(treatment)] as const);
    return rules.length === 0 ? [] : [[audience, Object.fromEntries(treatments)] as const];
  });
  return {
    when: describeWhen(when),
    audiences: Object.fromEntries(audiences),
    why,
    approvedBy,
    expires: new Date(expiresAt - dayMs).toISOString().slice(0, 10),
    expired: now >= expiresAt,
  };
}
