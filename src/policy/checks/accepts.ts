import { errorAt, hasErrors, type Diagnostic } from '../diagnostic.ts';
import type { AcceptedWarning, Policy } from '../policy.ts';

/** Takes out the warnings that the policy accepts. What it accepts and nothing warns of is an error: the reason it
 *  gives is about something that is no longer so. A rule with an error has no warnings yet, so errors come first. */
export function withoutAccepted({ accepts }: Policy, found: readonly Diagnostic[]): Diagnostic[] {
  const idle = hasErrors(found)
    ? []
    : accepts.filter((accepted) => !found.some((each) => isMeant(accepted, each)));
  return [
    ...found.filter((each) => !accepts.some((accepted) => isMeant(accepted, each))),
    ...idle.map(({ code, field, audience, place }) => {
      const reason = `accepts ${code} for the ${audience}, and nothing warns of that`;
      return errorAt(place, 'ERR_POLICY_ACCEPTS', reason, { field, remedy: 'Remove the entry' });
    }),
  ];
}

function isMeant(accepted: AcceptedWarning, { code, field, audience }: Diagnostic): boolean {
  return code === accepted.code && field === accepted.field && audience === accepted.audience;
}
