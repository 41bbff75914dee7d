/** Compares a policy with a gatekeeper's published rules. */
import { describeTreatment } from '../describe.ts';
import { errorAt, type Diagnostic } from '../diagnostic.ts';
import type { Obligation } from '../obligations.ts';
import { startOf, treatmentOf, type Policy } from '../policy.ts';
import type { ProtocolName } from '../protocols.ts';
import { overlay } from '../resolve.ts';

/** Returns an error for each rule that a state of the policy breaks, and a notice for each required feature that it
 *  touches.
 *  @param protocols those of the gatekeepers that it is for; undefined when they are unknown */
export function checkObligations(
  policy: Policy,
  obligations: readonly Obligation[],
  protocols: readonly ProtocolName[] | undefined,
): Diagnostic[] {
  const states = [
    policy,
    ...policy.exceptions.map(({ matrix }) => ({ ...policy, matrix: overlay(policy.matrix, matrix) })),
  ];
  const met = obligations.filter(
    ({ protocol }) => protocol === undefined || (protocols?.includes(protocol) ?? true),
  );
  return [
    ...states.flatMap((state) => met.flatMap((obligation) => breachesOf(state, obligation))),
    ...met.flatMap((obligation) => touchedBy(policy, obligation)),
  ];
}

function breachesOf(
  policy: Policy,
  { id, set, text, audience, requires, forbids }: Obligation,
): Diagnostic[] {
  const breach = (field: string, shows: boolean): Diagnostic[] => {
    const { treatment, rule } = treatmentOf(policy, audience, field);
    const kept = treatment.kind === 'keep';
    const hidden = treatment.kind === 'drop' || treatment.kind === 'refuse';
    if (shows ? kept : hidden) return [];
    const verb = shows ? 'withholds what' : 'shows what';
    const reason = `${describeTreatment(treatment)} ${verb} the ${audience} ${shows ? 'must get' : 'must not see'} (${set} ${id}: ${text})`;
    const place = rule?.place ?? startOf(policy);
    return [
      errorAt(place, 'ERR_POLICY_OBLIGATION', reason, { field, remedy: `Use ${shows ? 'keep' : 'drop'}` }),
    ];
  };
  return [
    ...requires.flatMap((field) => breach(field, true)),
    ...forbids.flatMap((field) => breach(field, false)),
  ];
}

/** Treatments after which a feature does not have all of what it needs. */
const lessening: ReadonlySet<string> = new Set(['drop', 'refuse', 'replace', 'answer', 'lower']);

/** Returns the notices about a required feature, inherited rules included: the whole policy is what a user has. */
function touchedBy(policy: Policy, { id, set, text, audience, expects }: Obligation): Diagnostic[] {
  return expects.flatMap((field) => {
    const { treatment, rule } = treatmentOf(policy, audience, field);
    if (!lessening.has(treatment.kind)) return [];
    const reason = `${describeTreatment(treatment)} touches a required feature (${set} ${id}: ${text})`;
    return [errorAt(rule?.place ?? startOf(policy), 'NOTE_POLICY_FEATURE', reason, { field, audience })];
  });
}
