/** Art. 35(7)(a) GDPR: a systematic description of the processing. */
import type { Kept, KeptAt } from '../configuration/retention.ts';
import { categories } from './figures.ts';
import {
  controller,
  document,
  fieldStatement,
  figure,
  metric,
  settingSource,
  settingStatements,
  test,
  type AssessmentFacts,
  type Question,
  type Statement,
} from './statement.ts';

export const description: readonly Question[] = [
  {
    id: 'a1',
    basis: 'Art. 35(7)(a), nature of the processing',
    question: 'What does the processing do?',
    answer: ({ exposure }) => [
      document(
        'ARCHITECTURE.md',
        'The way of the data',
        'The proxy relays messages between clients of a provider and a messaging server of a gatekeeper, and applies a policy to the metadata.',
      ),
      document(
        'SECURITY.md',
        'What is protected',
        'End-to-end encryption is between the users: the proxy has no keys to it. What clients send without it passes the proxy readable.',
      ),
      ...fieldStatement(exposure, 'content.body', 'gatekeeper'),
    ],
  },
  {
    id: 'a2',
    basis: 'Art. 35(7)(a), scope',
    question: 'Which kinds of personal data are processed?',
    answer: ({ figures }) => [
      figure(
        'fields',
        `The catalogue names ${figures.fields} kinds of metadata; the table Fields lists each with what it reveals.`,
      ),
      figure('categories', `They belong to ${figures.categories} categories: ${categories.join(', ')}.`),
    ],
  },
  {
    id: 'a3',
    basis: 'Art. 35(7)(a), scope',
    question: 'Are special categories of data (Art. 9) processed?',
    answer: ({ figures }) => [
      figure(
        'categories',
        `None of the ${figures.categories} categories is special by its kind; who writes to whom can still reveal one.`,
      ),
      controller('whether special categories are to be expected among the users'),
    ],
  },
  {
    id: 'a4',
    basis: 'Art. 35(7)(a), data subjects',
    question: 'Whose data are processed?',
    answer: () => [
      document(
        'ARCHITECTURE.md',
        'The way of the data',
        'Data of the users of the provider, and of the users of the gatekeeper that write with them: both directions pass the proxy.',
      ),
      controller('how many users there are, and whether children or other vulnerable persons are among them'),
    ],
  },
  {
    id: 'a5',
    basis: 'Art. 35(7)(a), recipients',
    question: 'What does the gatekeeper receive?',
    answer: (facts) => [
      figure(
        'gatekeeperReachable',
        `Of the kinds of metadata, ${facts.figures.gatekeeperReachable} can reach the gatekeeper.`,
      ),
      figure('gatekeeperSees', `It receives ${facts.figures.gatekeeperSees} of these as they are.`),
      figure(
        'gatekeeperSeesChanged',
        `It receives ${facts.figures.gatekeeperSeesChanged} in a changed form, such as a pseudonym or a coarser value.`,
      ),
      ...surrounding(facts, 'connections'),
      ...surrounding(facts, 'capabilities'),
    ],
  },
  {
    id: 'a6',
    basis: 'Art. 35(7)(a), recipients',
    question: 'Who else receives metadata?',
    answer: (facts) => [
      figure(
        'providerSees',
        `The servers of the provider receive ${facts.figures.providerSees} kinds over HTTP: notifications and requests for media.`,
      ),
      figure(
        'operatorSees',
        `The operator of the proxy receives ${facts.figures.operatorSees} kinds in logs, metrics and traces.`,
      ),
      ...surrounding(facts, 'services'),
      ...surrounding(facts, 'operations'),
    ],
  },
  {
    id: 'a7',
    basis: 'Art. 35(7)(a), recipients',
    question: 'What do the users of the provider receive of those of the gatekeeper?',
    answer: ({ figures }) => [
      figure('clientSees', `Their clients receive ${figures.clientSees} kinds of metadata.`),
      figure('clientWithheld', `From them ${figures.clientWithheld} kinds are withheld.`),
    ],
  },
  {
    id: 'a8',
    basis: 'Art. 35(7)(a), storage period',
    question: 'How long are data kept?',
    answer: ({ deployment }) =>
      deployment === undefined
        ? [
            test(
              'test/system/http-plane.test.ts',
              'is held to that',
              'The proxy runs with a file system that it cannot write to: no message, notification or metadata is on disk.',
            ),
            document(
              'docs/policies.md',
              'Roll out',
              'What a session knows is in memory, and ends with the session or with the time in which it can be resumed.',
            ),
            document(
              'docs/shared-state.md',
              'What is shared',
              'Replicas that share state keep digests, counts, accounts and resources in a store, sealed and for a bounded time.',
            ),
          ]
        : deployment.surroundings.kept.map(keptStatement),
  },
  {
    id: 'a9',
    basis: 'Art. 35(7)(a), functional description',
    question: 'How does the processing work, step by step?',
    answer: () => [
      document(
        'ARCHITECTURE.md',
        'The way of the data',
        'Each stanza is found in the bytes, judged by the stages, changed where one of them says so, and written.',
      ),
    ],
  },
  {
    id: 'a10',
    basis: 'Art. 35(7)(a), assets',
    question: 'Which systems and software does it rely on?',
    answer: () => [
      metric(
        'narthex_build_info',
        'The running version of the proxy and of Node.js is the label of this metric.',
      ),
      document(
        'docs/ledger.md',
        'What it proves',
        'The digest of the running program is in the ledger, and `narthex --version` prints it.',
      ),
      controller('machines, networks and people'),
    ],
  },
  {
    id: 'a11',
    basis: 'Art. 35(7)(a), codes of conduct',
    question: 'Which codes of conduct (Art. 40) are kept?',
    answer: () => [controller('codes of conduct')],
  },
];

/** States a part of the deployment, or nothing where the report is on a policy alone. */
export function surrounding(
  { deployment }: AssessmentFacts,
  part: 'connections' | 'capabilities' | 'services' | 'timing' | 'operations',
): readonly Statement[] {
  if (deployment === undefined) return [];
  return settingStatements(deployment.surroundings[part], deployment);
}

const placeWords: Readonly<Record<KeptAt, string>> = {
  nowhere: 'not kept',
  memory: 'in memory',
  store: 'sealed in the store of the replicas',
  disk: 'in files',
};

function keptStatement({ what, where, bound, source }: Kept): Statement {
  return { text: `${what}: ${placeWords[where]}, ${bound}.`, source: settingSource(source) };
}
