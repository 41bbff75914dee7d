/** Checks how a policy treats the automatic answers of a client. Their times reveal to a contact the distance and
 *  activity of the device, unless they are equalised, withheld, or given by the proxy. */
import { coarseTickMs } from '../minimisation/equalise.ts';
import type { Treatment } from '../minimisation/treatment.ts';
import { isAutomaticAnswer, type Catalogue, type Field } from './catalogue.ts';
import { describeTreatment } from './describe.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';
import { treatmentOf, type Matrix, type Policy, type Rule } from './policy.ts';
import { formatDuration } from './quantity.ts';
import { audienceNames } from './schema.ts';

/** A policy of this name, or one that extends it, must leave no such answer open. */
const closesAll = 'strict';

/** Returns an error for each time that is longer than requests wait, and a warning for each answer that is left
 *  open. */
export function checkAnswers(policy: Policy, catalogue: Catalogue): Diagnostic[] {
  const matrices = [policy.matrix, ...policy.exceptions.map(({ matrix }) => matrix)];
  return [
    ...matrices.flatMap(refuseLongTimes),
    ...warnOfOpen(policy, catalogue),
    ...warnOfDelays(policy, matrices, catalogue),
  ];
}

function refuseLongTimes(matrix: Matrix): Diagnostic[] {
  const rules = audienceNames.flatMap((audience) => [...matrix[audience].values()]);
  return rules.flatMap(({ treatment, place, field }) => {
    if (treatment.kind !== 'equalise' || treatment.afterMs <= coarseTickMs) return [];
    const reason = `${describeTreatment(treatment)} is longer than ${formatDuration(coarseTickMs)}: who asks does not wait that long`;
    return [
      errorAt(place, 'ERR_POLICY_TREATMENT', reason, { field, remedy: 'Write equalise: { after: 3s }' }),
    ];
  });
}

/** Warns of open answers in every state of the policy. An exception is warned of in its own place. */
function warnOfOpen(policy: Policy, catalogue: Catalogue): Diagnostic[] {
  if (!policy.lineage.includes(closesAll)) return [];
  const answers = [...catalogue.fields.values()].filter(
    (field) => isAutomaticAnswer(field) && field.directions.includes('to-gatekeeper'),
  );
  const usual = answers.flatMap((field) => {
    const { treatment, rule } = treatmentOf(policy, 'gatekeeper', field.name);
    return warnIfOpen(field, treatment, rule?.place ?? { file: policy.file, line: 1, column: 1 });
  });
  const excepted = policy.exceptions.flatMap(({ matrix }) =>
    answers.flatMap((field) => {
      const rule = matrix.gatekeeper.get(field.name) ?? matrix.gatekeeper.get('*');
      return rule === undefined ? [] : warnIfOpen(field, rule.treatment, rule.place);
    }),
  );
  return [...usual, ...excepted];
}

function warnIfOpen(field: Field, treatment: Treatment, place: Rule['place']): Diagnostic[] {
  if (treatment.kind !== 'keep') return [];
  const reason = `keep leaves the time of an automatic answer open, under a policy that extends ${closesAll} (reveals: ${field.reveals})`;
  return [
    errorAt(place, 'WARN_POLICY_ANSWER_OPEN', reason, {
      field: field.name,
      audience: 'gatekeeper',
      remedy: waysToClose(field),
    }),
  ];
}

/** Warns of random delays, which can be averaged out. An inherited rule is warned of in its own file. */
function warnOfDelays(policy: Policy, matrices: readonly Matrix[], { fields }: Catalogue): Diagnostic[] {
  const rules = matrices.flatMap(({ gatekeeper }) => [...gatekeeper.values()]);
  return rules.flatMap(({ field: name, treatment, place, policy: by }) => {
    const field = fields.get(name);
    if (by !== policy.name || treatment.kind !== 'delay' || field === undefined) return [];
    if (!isAutomaticAnswer(field)) return [];
    const reason = `${describeTreatment(treatment)} hides the time of one answer; of many, the mean tells it`;
    return [
      errorAt(place, 'WARN_POLICY_ANSWER_OPEN', reason, {
        field: name,
        audience: 'gatekeeper',
        remedy: waysToClose(field),
      }),
    ];
  });
}

function waysToClose({ permits }: Field): string {
  const ways = permits.filter((kind) => kind !== 'keep' && kind !== 'delay');
  return `Use ${ways.join(' or ')}`;
}
