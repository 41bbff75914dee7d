/** Art. 35(7)(c) GDPR: risks to the rights and freedoms of users, and what remains of each. */
import { isChanged, isWithheld } from '../appearance.ts';
import type { ExposureRow } from '../exposure.ts';
import { categories, isUnalterable, type Category } from './figures.ts';
import { namesOf } from './necessity.ts';
import { surrounding } from './description.ts';
import {
  controller,
  document,
  fieldStatement,
  figure,
  member,
  test,
  type Question,
  type Statement,
} from './statement.ts';

/** What a category of metadata tells, and the harm that can follow. */
export const risksByCategory: Readonly<Record<Category, { readonly learns: string; readonly harm: string }>> =
  {
    identity: { learns: 'who a user is', harm: 'accounts are linked to each other and to a person' },
    'social-graph': { learns: 'whom a user knows', harm: 'relations, groups and beliefs are inferred' },
    activity: { learns: 'what a user does', harm: 'a profile of habits is made' },
    timing: { learns: 'when a user does it', harm: 'sleep, work and presence are observed' },
    location: { learns: 'where a user is', harm: 'a user is found, or movements are followed' },
    device: { learns: 'which device and software a user has', harm: 'a user is recognised across accounts' },
    'content-hint': { learns: 'what messages are like', harm: 'contents are guessed without being read' },
    secret: { learns: 'what opens an account or a service', harm: 'an account is used by another person' },
  };

export const risks: readonly Question[] = [
  ...categories.map((category, index) => categoryQuestion(category, `c${index + 1}`)),
  {
    id: 'c9',
    basis: 'Art. 35(7)(c), illegitimate access: recognition of devices',
    question: 'Can a user be recognised by device or software?',
    answer: ({ figures, exposure }) => [
      figure(
        'fingerprintsAtGatekeeper',
        `${figures.fingerprintsAtGatekeeper} kinds that name software, device or place reach the gatekeeper in some form; \`narthex report fingerprints\` lists them.`,
      ),
      ...fieldStatement(exposure, 'bind.resource', 'gatekeeper'),
      ...fieldStatement(exposure, 'style.fingerprint', 'gatekeeper'),
      ...fieldStatement(exposure, 'conn.tls-fingerprint', 'gatekeeper'),
    ],
  },
  {
    id: 'c10',
    basis: 'Art. 35(7)(c), illegitimate access: observation by answers',
    question: 'Can a contact or the gatekeeper observe a device by its automatic answers?',
    answer: (facts) => [
      ...fieldStatement(facts.exposure, 'receipt.delivered', 'gatekeeper'),
      ...fieldStatement(facts.exposure, 'answer.ping', 'gatekeeper'),
      ...surrounding(facts, 'timing'),
      document(
        'docs/timing.md',
        'What stays open',
        'The page names what the times of answers still tell, with measured figures for each shipped policy.',
      ),
    ],
  },
  {
    id: 'c11',
    basis: 'Art. 35(7)(c), illegitimate access: by the operator',
    question: 'What can the operator of the proxy learn?',
    answer: ({ figures }) => [
      test(
        'test/system/canaries/operator.test.ts',
        'receives counts and closed words, and no value from the wire',
        'Logs, metrics and traces have counts and closed words only.',
      ),
      figure('operatorSees', `The policy shows the operator ${figures.operatorSees} kinds of metadata.`),
      document(
        'SECURITY.md',
        'A curious operator',
        'An operator with access to the memory of the process can read what passes through it outside of end-to-end encryption.',
      ),
    ],
  },
  {
    id: 'c12',
    basis: 'Art. 35(7)(c), illegitimate access: by others on the network',
    question: 'What can an observer of the network learn?',
    answer: () => [
      test(
        'test/transport/dial.test.ts',
        'because of the certificate, whatever the environment allows',
        'Both connections are encrypted, and certificates are verified.',
      ),
      document(
        'SECURITY.md',
        'What stays visible',
        'Addresses, times and sizes of encrypted records stay visible.',
      ),
    ],
  },
  {
    id: 'c13',
    basis: 'Art. 35(7)(c), illegitimate access: pseudonyms mapped back',
    question: 'Who can map pseudonyms back?',
    answer: () => [
      document(
        'SECURITY.md',
        'A stolen pod',
        'The holder of the secrets of pseudonyms can. With them, pseudonyms of their time can be mapped back, so they stay personal data.',
      ),
      test(
        'test/minimisation/pseudonymise.test.ts',
        'is not recognised in another field, scope or period, or under another key',
        'Without the secret a pseudonym is not recognised in another field, scope or period.',
      ),
    ],
  },
  {
    id: 'c14',
    basis: 'Art. 35(7)(c), undesired modification',
    question: 'Can data be changed unnoticed?',
    answer: () => [
      test(
        'test/stream/scanner.test.ts',
        'hostile cases',
        'Input that parsers read differently is refused, so that what was judged is what is read.',
      ),
    ],
  },
  {
    id: 'c15',
    basis: 'Art. 35(7)(c), disappearance',
    question: 'Can messages be lost?',
    answer: () => [
      test(
        'test/session/whole-chain.test.ts',
        'any conversation under %s',
        'Stanzas are counted on both sides (XEP-0198), so that what was not delivered is not acknowledged.',
      ),
    ],
  },
  {
    id: 'c16',
    basis: 'Art. 35(7)(c), sources of risk',
    question: 'Whose attacks are considered?',
    answer: () => [
      document(
        'SECURITY.md',
        'Threats',
        'A malicious client, a malicious gatekeeper, a curious operator, a network observer and a stolen pod, each with tests.',
      ),
    ],
  },
  {
    id: 'c17',
    basis: 'Art. 35(7)(c), likelihood and severity',
    question: 'How likely and how severe is each risk?',
    answer: () => [
      document(
        'docs/attacks.md',
        'Attacks',
        'For attacks on sizes and times there are measured rates of success, with and without the shipped policies.',
      ),
      controller('likelihood and severity of each risk for these users'),
    ],
  },
  {
    id: 'c18',
    basis: 'Art. 35(7)(c), what remains',
    question: 'What can no policy hide?',
    answer: ({ exposure, figures }) => [
      document(
        'SECURITY.md',
        'What stays visible',
        'Who writes to whom, when and roughly how much: the gatekeeper delivers the messages, so it learns these.',
      ),
      document(
        'docs/policies.md',
        'What a policy cannot do',
        'That a user uses the provider, and what else a policy cannot do.',
      ),
      figure(
        'gatekeeperUnalterable',
        `The gatekeeper sees ${figures.gatekeeperUnalterable} kinds for which the catalogue permits no other treatment: ${namesOf(exposure.rows.filter(isUnalterable))}.`,
      ),
    ],
  },
];

/** Asks what the gatekeeper can learn from one category of metadata. */
function categoryQuestion(category: Category, id: string): Question {
  const { learns, harm } = risksByCategory[category];
  return {
    id,
    basis: 'Art. 35(7)(c), illegitimate access: by the gatekeeper',
    question: `Can the gatekeeper learn ${learns}? Then ${harm}.`,
    answer: ({ exposure, figures }) => {
      const { sees, changed, withheld, reachable } = figures.byCategory[category];
      const path = `byCategory.${category}`;
      const rows = exposure.rows.filter((row) => row.category === category);
      return [
        figure(
          path,
          `Of ${reachable} kinds of the category ${category} that can reach it, it sees ${sees} as they are, ${changed} in a changed form, and ${withheld} not at all.`,
        ),
        ...listed(
          'As they are',
          rows.filter(({ audiences }) => audiences.gatekeeper.treatment === 'keep'),
        ),
        ...listed(
          'In a changed form',
          rows.filter(({ audiences }) => isChanged(audiences.gatekeeper.treatment)),
        ),
        ...listed(
          'Not at all',
          rows.filter(({ audiences }) => isWithheld(audiences.gatekeeper.treatment)),
        ),
        ...unused(rows),
      ];
    },
  };
}

function listed(how: string, rows: readonly ExposureRow[]): readonly Statement[] {
  return rows.length === 0 ? [] : [member('rows', `${how}: ${namesOf(rows)}.`)];
}

/** Names what the gatekeeper sees as it is although a policy could change it. */
function unused(rows: readonly ExposureRow[]): readonly Statement[] {
  const open = rows.filter((row) => row.audiences.gatekeeper.treatment === 'keep' && !isUnalterable(row));
  if (open.length === 0) return [];
  return [
    member('rows', `A policy could still change: ${namesOf(open)}. The table Necessity has what would fail.`),
  ];
}
