/** The questions, in the order of Art. 35(7) GDPR and of the criteria of WP248 rev.01, Annex 2, in our words. */
import type { Question, Statement } from './statement.ts';
import type { ExposureReport } from '../exposure.ts';
import { isWithheld } from '../appearance.ts';

const figure = (name: string, text: string): Statement => ({
  text,
  source: { kind: 'figure', at: `figures.${name}` },
});
const document = (at: string, text: string): Statement => ({ text, source: { kind: 'document', at } });
const metric = (at: string, text: string): Statement => ({ text, source: { kind: 'metric', at } });
const test = (at: string, text: string): Statement => ({ text, source: { kind: 'test', at } });
const law = (at: string, text: string): Statement => ({ text, source: { kind: 'law', at } });
const controller = (at: string): Statement => ({
  text: 'The controller answers this: nothing in the proxy or its files says it.',
  source: { kind: 'controller', at },
});

/** States how one field appears to an audience, with the line of the policy. */
function fieldStatement(
  { rows }: ExposureReport,
  field: string,
  audience: 'gatekeeper' | 'client' | 'provider' | 'operator',
): readonly Statement[] {
  const row = rows.find((each) => each.field === field);
  if (row === undefined) return [];
  const { words, why, source } = row.audiences[audience];
  const reason = why === '' ? '' : `, because ${why}`;
  const text = `${row.title} (${field}) appears to the ${audience} as: ${words}${reason}.`;
  return [{ text, source: { kind: 'policy', at: source } }];
}

const describe: readonly Question[] = [
  {
    id: 'a1',
    basis: 'Art. 35(7)(a), nature of the processing',
    question: 'What does the processing do?',
    answer: () => [
      document(
        'ARCHITECTURE.md',
        'The proxy relays messages between clients of a provider and a messaging server of a gatekeeper, and applies a policy to the metadata.',
      ),
      document(
        'SECURITY.md',
        'Contents are encrypted from end to end between users; the proxy has no key to them.',
      ),
    ],
  },
  {
    id: 'a2',
    basis: 'Art. 35(7)(a), scope',
    question: 'Which kinds of personal data are processed?',
    answer: ({ exposure, figures }) => [
      figure(
        'fields',
        `The catalogue names ${figures.fields} kinds of metadata; the section Fields lists each with what it reveals.`,
      ),
      figure('categories', `They belong to these categories: ${categoriesOf(exposure).join(', ')}.`),
    ],
  },
  {
    id: 'a3',
    basis: 'Art. 35(7)(a), scope',
    question: 'Are special categories of data (Art. 9) processed?',
    answer: () => [
      figure(
        'categories',
        'None of the categories above is special by its kind; who writes to whom can still reveal one.',
      ),
      controller('special categories among the users'),
    ],
  },
  {
    id: 'a4',
    basis: 'Art. 35(7)(a), recipients',
    question: 'Who receives metadata?',
    answer: ({ figures }) => [
      figure('gatekeeperSees', `The gatekeeper receives ${figures.gatekeeperSees} fields as they are.`),
      figure(
        'gatekeeperSeesChanged',
        `It receives ${figures.gatekeeperSeesChanged} fields in a changed form, such as a pseudonym or a coarser value.`,
      ),
      figure(
        'providerSees',
        `The provider of the clients receives ${figures.providerSees} fields over HTTP.`,
      ),
      figure(
        'operatorSees',
        `The operator of the proxy receives ${figures.operatorSees} fields in logs, metrics and traces.`,
      ),
    ],
  },
  {
    id: 'a5',
    basis: 'Art. 35(7)(a), recipients',
    question: 'What do contacts receive of the users of the gatekeeper?',
    answer: ({ figures }) => [
      figure(
        'clientWithheld',
        `From clients ${figures.clientWithheld} fields are withheld; they receive the others.`,
      ),
    ],
  },
  {
    id: 'a6',
    basis: 'Art. 35(7)(a), storage period',
    question: 'How long are data kept?',
    answer: () => [
      test('test/system/http-plane.test.ts', 'The proxy writes no message, push or metadata to disk.'),
      document(
        'ARCHITECTURE.md',
        'What a session knows is in memory, and ends with the session or with the time in which it can be resumed.',
      ),
      document(
        'docs/shared-state.md',
        'Replicas that share state keep digests, counts, accounts and resources in a store, sealed and for two days at most.',
      ),
    ],
  },
  {
    id: 'a7',
    basis: 'Art. 35(7)(a), functional description',
    question: 'How does the processing work, step by step?',
    answer: () => [
      document(
        'ARCHITECTURE.md',
        'The way of the data is drawn there: scan, judge by each stage, merge the edits, write.',
      ),
    ],
  },
  {
    id: 'a8',
    basis: 'Art. 35(7)(a), assets',
    question: 'Which systems and software does it rely on?',
    answer: () => [
      metric(
        'narthex_build_info',
        'The running version of the proxy and of Node.js is the label of this metric.',
      ),
      controller('machines, networks and people'),
    ],
  },
  {
    id: 'a9',
    basis: 'Art. 35(7)(a), codes of conduct',
    question: 'Which codes of conduct (Art. 40) are kept?',
    answer: () => [controller('codes of conduct')],
  },
];

const necessity: readonly Question[] = [
  {
    id: 'b1',
    basis: 'Art. 35(7)(b), purpose (Art. 5(1)(b))',
    question: 'For which purposes?',
    answer: () => [
      law(
        'Art. 7(1) of Regulation (EU) 2022/1925',
        'Messages are exchanged with users of a gatekeeper, who has to make that possible on request.',
      ),
      controller('further purposes'),
    ],
  },
  {
    id: 'b2',
    basis: 'Art. 35(7)(b), lawfulness (Art. 6)',
    question: 'On which legal basis?',
    answer: () => [controller('legal basis')],
  },
  {
    id: 'b3',
    basis: 'Art. 35(7)(b), adequate, relevant and limited (Art. 5(1)(c))',
    question: 'Is what the gatekeeper receives limited to what is necessary?',
    answer: ({ exposure, figures }) => [
      figure(
        'gatekeeperWithheld',
        `From the gatekeeper ${figures.gatekeeperWithheld} of ${figures.fields} fields are withheld.`,
      ),
      {
        text: `A kind of metadata that the catalogue does not name is treated so: ${exposure.unlisted}.`,
        source: { kind: 'figure', at: 'unlisted' },
      },
      figure(
        'reasonsGiven',
        `The policy gives a reason for ${figures.reasonsGiven} fields. Why the others are necessary is for the controller to say.`,
      ),
    ],
  },
  {
    id: 'b4',
    basis: 'Art. 35(7)(b), limited storage (Art. 5(1)(e))',
    question: 'Is storage limited?',
    answer: () => [
      test(
        'test/system/http-plane.test.ts',
        'No data of users is stored; a push that cannot be delivered is refused rather than kept.',
      ),
    ],
  },
  {
    id: 'b5',
    basis: 'Art. 35(7)(b), accuracy (Art. 5(1)(d))',
    question: 'Are data accurate?',
    answer: () => [
      test(
        'test/stream/differential.test.ts',
        'What no rule changes is forwarded byte for byte, and six parsers read it as the proxy does.',
      ),
    ],
  },
  {
    id: 'b6',
    basis: 'Art. 35(7)(b), information (Art. 12 to 14)',
    question: 'Are users informed?',
    answer: () => [
      test(
        'test/reports/exposure.test.ts',
        'The table of fields in this report has no data of users, and can be published.',
      ),
      controller('information given to users'),
    ],
  },
  {
    id: 'b7',
    basis: 'Art. 35(7)(b), access and portability (Art. 15, 20)',
    question: 'How do users get access to their data?',
    answer: () => [
      test('test/system/http-plane.test.ts', 'The proxy keeps no data about a user that could be given out.'),
      controller('requests of data subjects'),
    ],
  },
  {
    id: 'b8',
    basis: 'Art. 35(7)(b), rectification and erasure (Art. 16, 17)',
    question: 'How are data corrected and erased?',
    answer: () => [
      document(
        'docs/http.md',
        'A user withdraws from a gatekeeper through the proxy, which passes the withdrawal on and keeps no record of it.',
      ),
    ],
  },
  {
    id: 'b9',
    basis: 'Art. 35(7)(b), objection and restriction (Art. 18, 21)',
    question: 'Can users object?',
    answer: () => [
      document(
        'docs/http.md',
        'A user enlists at a gatekeeper through the proxy with a proof that the identifier is theirs, and can withdraw.',
      ),
    ],
  },
  {
    id: 'b10',
    basis: 'Art. 35(7)(b), processors (Art. 28)',
    question: 'Which processors take part?',
    answer: () => [controller('processors')],
  },
  {
    id: 'b11',
    basis: 'Art. 35(7)(b), transfers (Chapter V)',
    question: 'Are data transferred to third countries?',
    answer: () => [
      document(
        'deploy/examples/narthex.yaml',
        'The proxy connects to the addresses that its configuration names, and to no others.',
      ),
      controller('where the gatekeeper and the provider process data'),
    ],
  },
  {
    id: 'b12',
    basis: 'Art. 35(7)(b), prior consultation (Art. 36)',
    question: 'Is a consultation of the authority needed?',
    answer: () => [controller('prior consultation')],
  },
];

const risks: readonly Question[] = [
  {
    id: 'c1',
    basis: 'Art. 35(7)(c), illegitimate access: by the gatekeeper',
    question: 'What can the gatekeeper learn about the habits of a user?',
    answer: ({ exposure }) => [
      ...fieldStatement(exposure, 'csi.state', 'gatekeeper'),
      ...fieldStatement(exposure, 'receipt.delivered', 'gatekeeper'),
      ...fieldStatement(exposure, 'receipt.read', 'gatekeeper'),
    ],
  },
  {
    id: 'c2',
    basis: 'Art. 35(7)(c), illegitimate access: recognition of devices',
    question: 'Can a user be recognised by device or software?',
    answer: ({ figures, exposure }) => [
      figure(
        'fingerprintsAtGatekeeper',
        `${figures.fingerprintsAtGatekeeper} fields that name software, device or place reach the gatekeeper in some form; \`narthex report fingerprints\` lists them.`,
      ),
      ...fieldStatement(exposure, 'bind.resource', 'gatekeeper'),
      ...fieldStatement(exposure, 'style.fingerprint', 'gatekeeper'),
    ],
  },
  {
    id: 'c3',
    basis: 'Art. 35(7)(c), illegitimate access: place',
    question: 'Can the place of a user be found out?',
    answer: ({ exposure }) => [
      ...fieldStatement(exposure, 'conn.client-ip', 'gatekeeper'),
      ...fieldStatement(exposure, 'conn.round-trip', 'gatekeeper'),
    ],
  },
  {
    id: 'c4',
    basis: 'Art. 35(7)(c), illegitimate access: by the operator',
    question: 'What can the operator of the proxy learn?',
    answer: ({ figures }) => [
      test(
        'test/system/canaries/operator.test.ts',
        `Logs, metrics and traces have counts and closed words only; the policy shows the operator ${figures.operatorSees} fields.`,
      ),
      document(
        'SECURITY.md',
        'An operator with access to the memory of the process can read what passes through it outside of end-to-end encryption.',
      ),
    ],
  },
  {
    id: 'c5',
    basis: 'Art. 35(7)(c), illegitimate access: by others on the network',
    question: 'What can an observer of the network learn?',
    answer: () => [
      test('test/transport/dial.test.ts', 'Both connections are encrypted, and certificates are verified.'),
      document('SECURITY.md', 'Addresses, times and sizes of encrypted records stay visible.'),
    ],
  },
  {
    id: 'c6',
    basis: 'Art. 35(7)(c), undesired modification',
    question: 'Can data be changed unnoticed?',
    answer: () => [
      test(
        'test/stream/scanner.test.ts',
        'Input that parsers read differently is refused, so that what was judged is what is read.',
      ),
    ],
  },
  {
    id: 'c7',
    basis: 'Art. 35(7)(c), disappearance',
    question: 'Can messages be lost?',
    answer: () => [
      test(
        'test/session/whole-chain.test.ts',
        'Stanzas are counted on both sides (XEP-0198), so that what was not delivered is not acknowledged.',
      ),
    ],
  },
  {
    id: 'c8',
    basis: 'Art. 35(7)(c), sources of risk',
    question: 'Whose attacks are considered?',
    answer: () => [
      document(
        'SECURITY.md',
        'A malicious client, a malicious gatekeeper, a curious operator, a network observer and a stolen pod, each with tests.',
      ),
    ],
  },
  {
    id: 'c9',
    basis: 'Art. 35(7)(c), what remains',
    question: 'What can no policy hide?',
    answer: () => [
      document(
        'SECURITY.md',
        'Who writes to whom, when and roughly how much: the gatekeeper delivers the messages, so it learns these.',
      ),
      document('SECURITY.md', 'That a user uses the provider: the identifier names it.'),
    ],
  },
];

const measures: readonly Question[] = [
  {
    id: 'd1',
    basis: 'Art. 35(7)(d), measures',
    question: 'Which lever mitigates which risk?',
    answer: ({ exposure }) => leversOf(exposure),
  },
  {
    id: 'd2',
    basis: 'Art. 35(7)(d), exceptions',
    question: 'Who gets less protection, and who has approved it?',
    answer: ({ figures }) => [
      figure(
        'exceptions',
        `The policy has ${figures.exceptions} exceptions, ${figures.exceptionsExpired} of which have ended; each names who approved it and until when.`,
      ),
    ],
  },
  {
    id: 'd3',
    basis: 'Art. 35(7)(d), proof of compliance',
    question: 'How is it shown that the measures work?',
    answer: ({ exposure }) => [
      test(
        'test/policy/leaks.test.ts',
        'A withheld value is in no byte that its audience receives; generated stanzas are searched for it.',
      ),
      metric(
        'narthex_policy_decisions_total',
        'The running proxy counts each decision by field, audience and treatment.',
      ),
      {
        text: `This assessment is of the policy with the digest ${exposure.digest}.`,
        source: { kind: 'figure', at: 'digest' },
      },
    ],
  },
  {
    id: 'd4',
    basis: 'Art. 35(7)(d), security (Art. 32)',
    question: 'How are keys and software protected?',
    answer: () => [
      test('test/signals/keys.test.ts', 'Private keys never leave the process.'),
      test(
        'test/deploy/kustomize.test.ts',
        'The pod has no rights beyond its ports, and a read-only file system.',
      ),
    ],
  },
  {
    id: 'd5',
    basis: 'Art. 35(2), (9)',
    question: 'Were the data-protection officer and the users heard?',
    answer: () => [controller('views of the officer and of data subjects')],
  },
  {
    id: 'd6',
    basis: 'Art. 35(11)',
    question: 'When is the assessment done again?',
    answer: () => [
      metric(
        'narthex_policy_reloads_total',
        'A changed policy is counted and logged with its digest; another digest than above needs another assessment.',
      ),
    ],
  },
];

export const questions: readonly Question[] = [...describe, ...necessity, ...risks, ...measures];

export function categoriesOf({ rows }: ExposureReport): readonly string[] {
  return [...new Set(rows.map(({ category }) => category))].toSorted();
}

/** What each way of withholding is good for. */
const risksByTreatment: Readonly<Record<string, string>> = {
  drop: 'the audience learns the value',
  refuse: 'the audience learns the value, or that the request was made',
  replace: 'the audience tells users apart by the value',
  answer: 'a device is asked, and answers with what it is',
  pseudonymise: 'the audience links the value to other accounts or times',
  coarsen: 'a precise value singles a user out',
  pad: 'the size of a message tells its content',
  delay: 'the time of an automatic answer tells what the user does',
  equalise: 'the time of an automatic answer tells what the user does',
};

function leversOf({ rows }: ExposureReport): readonly Statement[] {
  const byTreatment = new Map<string, { fields: string[]; source: string }>();
  for (const { field, audiences } of rows) {
    const { treatment, source } = audiences.gatekeeper;
    if (!isWithheld(treatment) && risksByTreatment[treatment] === undefined) continue;
    const known = byTreatment.get(treatment);
    if (known === undefined) byTreatment.set(treatment, { fields: [field], source });
    else known.fields.push(field);
  }
  if (byTreatment.size === 0)
    return [figure('gatekeeperWithheld', 'None: from the gatekeeper 0 fields are withheld.')];
  return [...byTreatment].map(([treatment, { fields, source }]) => ({
    text: `${treatment}, against the risk that ${risksByTreatment[treatment] ?? 'the value is seen'}: ${fields.join(', ')}.`,
    source: { kind: 'policy', at: source },
  }));
}
