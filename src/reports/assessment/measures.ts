/** Art. 35(7)(d) GDPR: measures, and how it is shown that they work. */
import type { TreatmentName } from '../../minimisation/treatment.ts';
import { surrounding } from './description.ts';
import {
  controller,
  document,
  figure,
  member,
  metric,
  test,
  type AssessmentFacts,
  type Question,
  type Statement,
} from './statement.ts';

/** The risk that each lever mitigates. */
export const risksByLever: Readonly<Record<Exclude<TreatmentName, 'keep'>, string>> = {
  drop: 'the audience learns the value',
  refuse: 'the audience learns the value, or that the request was made',
  replace: 'the audience tells users apart by the value',
  answer: 'a device is asked, and answers with what it is',
  pseudonymise: 'the audience links the value to other accounts or times',
  coarsen: 'a precise value singles a user out',
  lower: 'the audience learns what the user has done with a message',
  pad: 'the size of a message tells its content',
  delay: 'the time of an automatic answer tells what the user does',
  equalise: 'the time of an automatic answer tells what the user does',
};

export const measures: readonly Question[] = [
  {
    id: 'd1',
    basis: 'Art. 35(7)(d), measures',
    question: 'Which lever mitigates which risk?',
    answer: leversOf,
  },
  {
    id: 'd2',
    basis: 'Art. 35(7)(d), exceptions',
    question: 'Who gets less protection, and who has approved it?',
    answer: ({ figures }) =>
      figures.exceptions === 0
        ? [figure('exceptions', 'The policy has no exceptions.')]
        : [
            figure(
              'exceptions',
              `The policy has ${figures.exceptions} exceptions; each names who approved it, and until when. The report in JSON lists them.`,
            ),
            figure('exceptionsExpired', `Of these, ${figures.exceptionsExpired} have ended.`),
          ],
  },
  {
    id: 'd3',
    basis: 'Art. 35(7)(d), proof of compliance',
    question: 'How is it shown that the measures work?',
    answer: ({ exposure }) => [
      test(
        'test/policy/leaks.test.ts',
        'is in no byte that it receives',
        'A withheld value is in no byte that its audience receives; generated stanzas are searched for it.',
      ),
      metric(
        'narthex_policy_decisions_total',
        'The running proxy counts each decision by field, audience and treatment.',
      ),
      ...(exposure.counts === null
        ? []
        : [member('counts', `The decisions in the table Fields are counted by: ${exposure.counts}.`)]),
      member('digest', `This assessment is of the policy with the digest ${exposure.digest}.`),
    ],
  },
  {
    id: 'd4',
    basis: 'Art. 35(7)(d), traceability',
    question: 'Can it be shown later what each audience received?',
    answer: (facts) => [
      document(
        'docs/ledger.md',
        'What it proves',
        'The exposure ledger is a signed chain of counts with the policy that was in force; a change of it is found.',
      ),
      ...(facts.deployment === undefined
        ? []
        : surrounding(facts, 'operations').filter(({ text }) => text.startsWith('ledger: '))),
    ],
  },
  {
    id: 'd5',
    basis: 'Art. 35(7)(d), security (Art. 32)',
    question: 'How are keys and software protected?',
    answer: () => [
      test(
        'test/signals/keys.test.ts',
        'never show their private halves',
        'Private keys never leave the process.',
      ),
      test(
        'test/deploy/chart.test.ts',
        'keeps to the restricted profile, as far as the exposure allows: %s',
        'On Kubernetes the pod has no rights beyond its ports, and a read-only file system.',
      ),
    ],
  },
  {
    id: 'd6',
    basis: 'Art. 35(7)(d), changes under control',
    question: 'What happens when a policy is changed or broken?',
    answer: () => [
      test(
        'test/system/reload.test.ts',
        'a rejected policy',
        'A policy with errors changes nothing: the one before it stays in force.',
      ),
      document(
        'docs/policies.md',
        'Compare',
        '`narthex policy diff --fail-on more` refuses a change by which an audience sees more.',
      ),
    ],
  },
  {
    id: 'd7',
    basis: 'Art. 35(7)(d), personal data breaches (Art. 33, 34)',
    question: 'What could be lost in a breach?',
    answer: () => [
      document(
        'SECURITY.md',
        'A stolen pod',
        'Secrets that are mounted, and what is in the memory of running sessions; no history of messages, since none is stored.',
      ),
      controller('how a breach is noticed and notified'),
    ],
  },
  {
    id: 'd8',
    basis: 'Art. 35(2), (9)',
    question: 'Were the data-protection officer and the users heard?',
    answer: () => [controller('the views of the officer and of data subjects')],
  },
  {
    id: 'd9',
    basis: 'Art. 35(11)',
    question: 'When is the assessment done again?',
    answer: ({ exposure }) => [
      metric('narthex_policy_reloads_total', 'A changed policy is counted and logged with its digest.'),
      member('digest', `Another digest than ${exposure.digest} needs another assessment.`),
    ],
  },
];

/** One statement for each lever in use. The table Levers has the line of each field. */
function leversOf({ exposure, figures }: AssessmentFacts): readonly Statement[] {
  const used = Object.entries(figures.levers) as [keyof typeof risksByLever, number][];
  if (used.length === 0)
    return [figure('gatekeeperWithheld', 'None: nothing is changed or withheld for the gatekeeper.')];
  return used.map(([lever, count]) => {
    const fields = exposure.rows
      .filter(({ audiences }) => audiences.gatekeeper.treatment === lever)
      .map(({ field }) => field);
    return figure(
      `levers.${lever}`,
      `${lever}, for ${count} kinds, against the risk that ${risksByLever[lever]}: ${fields.join(', ')}.`,
    );
  });
}
