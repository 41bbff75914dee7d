/** Art. 35(7)(b) GDPR: necessity and proportionality, and the rights of data subjects. */
import type { FieldClass } from '../../policy/catalogue-schema.ts';
import { isSeen } from '../appearance.ts';
import type { ExposureReport, ExposureRow } from '../exposure.ts';
import { surrounding } from './description.ts';
import {
  controller,
  document,
  figure,
  law,
  member,
  test,
  type AssessmentFacts,
  type Question,
  type Statement,
} from './statement.ts';

/** Why a field has to reach the gatekeeper, by class of the catalogue, where the class says so. */
export const necessityByClass: Readonly<Partial<Record<FieldClass, string>>> = {
  'gatekeeper-required': "the gatekeeper's published rules ask for it",
  routing: 'without it messages do not arrive',
  'e2ee-bound': 'end-to-end encryption needs it unchanged',
  'sm-counted': 'the acknowledgement of stanzas counts it',
  secret: 'it authenticates or opens something, and is of use to its receiver only',
};

/** Returns the reasons that the catalogue attests for a field. */
export function attested({ classes }: ExposureRow): readonly string[] {
  return classes.flatMap((name) => necessityByClass[name] ?? []);
}

/** Returns the rows of fields of which something reaches the gatekeeper. */
export function reaching({ rows }: Pick<ExposureReport, 'rows'>): readonly ExposureRow[] {
  return rows.filter(({ audiences }) => isSeen(audiences.gatekeeper.treatment));
}

export const necessity: readonly Question[] = [
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
    answer: () => [controller('the legal basis')],
  },
  {
    id: 'b3',
    basis: 'Art. 35(7)(b), adequate, relevant and limited (Art. 5(1)(c))',
    question: 'Is what the gatekeeper receives limited to what is necessary?',
    answer: ({ exposure, figures }) => [
      figure(
        'gatekeeperWithheld',
        `From the gatekeeper ${figures.gatekeeperWithheld} kinds of metadata are withheld that could reach it.`,
      ),
      member(
        'unlisted',
        `A kind of metadata that the catalogue does not name is treated so: ${exposure.unlisted}.`,
      ),
      ...classStatements(exposure),
      figure(
        'seenWithReason',
        `For ${figures.seenWithReason} of the kinds that reach it, the author of the policy gives a reason.`,
      ),
      controller('why the others are necessary; the table Necessity has what fails without each'),
    ],
  },
  {
    id: 'b4',
    basis: 'Art. 35(7)(b), limited storage (Art. 5(1)(e))',
    question: 'Is storage limited?',
    answer: () => [
      test(
        'test/system/http-plane.test.ts',
        'keeps no push while the provider is down: the gatekeeper keeps it, and brings it again',
        'A push that cannot be delivered is refused rather than kept.',
      ),
      document(
        'docs/ledger.md',
        'Size and age',
        'A ledger, where one is configured, has counts only, and its oldest files are removed.',
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
        'what is accepted is read alike by saxes and libxml2',
        'What no rule changes is forwarded byte for byte, and other parsers read it as the proxy does.',
      ),
    ],
  },
  {
    id: 'b6',
    basis: 'Art. 35(7)(b), information (Art. 12 to 14)',
    question: 'Are users informed?',
    answer: () => [
      document(
        'docs/reports.md',
        'For users and their apps',
        '`narthex report public` writes a page for users that says what the gatekeeper sees of them, and what is kept.',
      ),
      controller('how and when users are informed'),
    ],
  },
  {
    id: 'b7',
    basis: 'Art. 35(7)(b), access and portability (Art. 15, 20)',
    question: 'How do users get access to their data?',
    answer: () => [
      test(
        'test/system/http-plane.test.ts',
        'is held to that',
        'The proxy has no file with data about a user that could be given out.',
      ),
      controller('how requests of data subjects are answered'),
    ],
  },
  {
    id: 'b8',
    basis: 'Art. 35(7)(b), rectification and erasure (Art. 16, 17)',
    question: 'How are data corrected and erased?',
    answer: () => [
      document(
        'docs/http.md',
        'Enlisting',
        'A user withdraws from a gatekeeper through the proxy, which passes the withdrawal on and stores no record of it.',
      ),
      controller('how the gatekeeper is asked to erase what it has received'),
    ],
  },
  {
    id: 'b9',
    basis: 'Art. 35(7)(b), objection and restriction (Art. 18, 21)',
    question: 'Can users object?',
    answer: () => [
      document(
        'docs/http.md',
        'Enlisting',
        'A user opts in at a gatekeeper through the proxy with a proof that the identifier is theirs, and can withdraw.',
      ),
    ],
  },
  {
    id: 'b10',
    basis: 'Art. 35(7)(b), roles (Art. 26)',
    question: 'Who is controller, and who decides together?',
    answer: () => [controller('the roles of provider, operator of the proxy and gatekeeper')],
  },
  {
    id: 'b11',
    basis: 'Art. 35(7)(b), processors (Art. 28)',
    question: 'Which processors take part?',
    answer: () => [controller('processors')],
  },
  {
    id: 'b12',
    basis: 'Art. 35(7)(b), transfers (Chapter V)',
    question: 'Are data transferred to third countries?',
    answer: (facts) => [
      document(
        'docs/http.md',
        'Media',
        'The proxy fetches from listed origins only, and connects to the gatekeepers that its configuration names.',
      ),
      ...surrounding(facts, 'services'),
      controller('where the gatekeeper and the provider process data'),
    ],
  },
  {
    id: 'b13',
    basis: 'Art. 35(7)(b), protection by default (Art. 25)',
    question: 'What holds where no setting was made?',
    answer: ({ exposure }) => [
      document('policies/README.md', 'Policies', 'Without a setting the policy balanced is enforced.'),
      member('mode', `The mode of this policy is: ${exposure.mode}.`),
    ],
  },
  {
    id: 'b14',
    basis: 'Art. 35(7)(b), prior consultation (Art. 36)',
    question: 'Is a consultation of the authority needed?',
    answer: () => [controller('prior consultation')],
  },
];

/** One statement for each reason that the catalogue attests. */
function classStatements(exposure: AssessmentFacts['exposure']): readonly Statement[] {
  return Object.entries(necessityByClass).flatMap(([name, reason]) => {
    const fields = reaching(exposure).filter(({ classes }) => classes.includes(name as FieldClass));
    if (fields.length === 0) return [];
    const text = `${fields.length} of those that reach it are of the class ${name}, which says: ${reason}. They are ${namesOf(fields)}.`;
    return [figure(`seenByClass.${name}`, text)];
  });
}

export function namesOf(rows: readonly ExposureRow[]): string {
  return rows.map(({ field }) => field).join(', ');
}
