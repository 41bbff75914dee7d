/** Compares two policies by brute force: every field for every audience, in the case of no exception and of each exception, by what
 *  the reference says that holds. And with it the answer of `policy diff`. */
import { openCatalogue } from '../../src/app/files/policies.ts';
import { diffPolicies, type Difference } from '../../src/policy/diff.ts';
import type { Audience, Catalogue, Field } from '../reference/catalogue.ts';
import {
  matrixFor,
  readPolicy,
  shows,
  toTreatment,
  treatmentOf,
  type Condition,
  type Policy,
  type Session,
  type Treatment,
} from '../reference/language.ts';
import type { Random } from '../support/random.ts';
import { loadGenerated } from './engine.ts';
import {
  anyTreatment,
  documentOf,
  fieldsFor,
  generatePolicy,
  type Documents,
  type PolicyDocument,
  type PolicyMaterial,
  type WrittenAudiences,
} from './policies.ts';
import { now } from './sessions.ts';

const engineCatalogue = openCatalogue();
const audiences: readonly Audience[] = ['gatekeeper', 'client', 'provider', 'operator'];

/** One difference: who sees how much of what, in which case. */
type Row = readonly [audience: Audience, field: string, sees: string, when: string];

/** Returns both answers where they differ; undefined where they agree. */
export function compareDiffs(
  before: Documents,
  after: Documents,
  catalogue: Catalogue,
): { readonly command: string; readonly bruteForce: string } | undefined {
  const [one, other] = [before, after].map((each) =>
    readPolicy(documentOf('generated', each), (name) => documentOf(name, each)),
  ) as [Policy, Policy];
  const bruteForce = inOrder(bruteForceRows(one, other, catalogue));
  const command = inOrder(
    diffPolicies(loadGenerated('generated', before), loadGenerated('generated', after), engineCatalogue).map(
      rowOf,
    ),
  );
  return command === bruteForce ? undefined : { command, bruteForce };
}

export function rowsOf(before: Documents, after: Documents): number {
  return diffPolicies(loadGenerated('generated', before), loadGenerated('generated', after), engineCatalogue)
    .length;
}

function rowOf({ audience, field, sees, when = '' }: Difference): Row {
  return [audience, field, sees, when];
}

function inOrder(rows: readonly Row[]): string {
  return rows
    .map((row) => row.join(' | '))
    .toSorted()
    .join('\n');
}

function bruteForceRows(before: Policy, after: Policy, catalogue: Catalogue): Row[] {
  const rows: Row[] = [];
  for (const audience of ['gatekeeper', 'client'] as const) {
    // In shadow mode everything is shown.
    if (before.mode !== after.mode)
      rows.push([audience, 'mode', after.mode === 'shadow' ? 'more' : 'less', '']);
    if (before.unlisted !== after.unlisted)
      rows.push([audience, 'unlisted', shows(toTreatment(before.unlisted), toTreatment(after.unlisted)), '']);
  }
  const plain = changesIn(before, after, catalogue, sessionFor({}));
  rows.push(...plain.map(({ row }) => row));
  const known = new Set(plain.map(({ key }) => key));
  for (const when of casesOf(before, after)) {
    const all = regionsOf(when).map((region) =>
      changesIn(before, after, catalogue, sessionFor({ ...when, ...region })),
    );
    for (const { row, key } of all[0]!)
      if (!known.has(key)) rows.push([row[0], row[1], row[2], describe(when)]);
  }
  return rows;
}

function changesIn(
  before: Policy,
  after: Policy,
  { fields }: Catalogue,
  { session, contact }: Case,
): { row: Row; key: string }[] {
  const [one, other] = [before, after].map((policy) => matrixFor(policy, session, contact));
  return audiences.flatMap((audience) =>
    [...fields.values()]
      .filter((field) => isShown(field, audience))
      .flatMap(({ name }) => {
        const [was, is] = [
          treatmentOf(one![audience], before.unlisted, name),
          treatmentOf(other![audience], after.unlisted, name),
        ];
        const key = JSON.stringify([audience, name, was, is], sorted);
        return same(was, is) ? [] : [{ row: [audience, name, shows(was, is), ''] as Row, key }];
      }),
  );
}

function same(one: Treatment, other: Treatment): boolean {
  return JSON.stringify(one, sorted) === JSON.stringify(other, sorted);
}

/** Keys in one order. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Requests over HTTP to the client's side end at the provider; the operator could see everything. */
function isShown({ where, directions }: Field, audience: Audience): boolean {
  if (audience === 'operator') return true;
  if (audience === 'gatekeeper') return directions.includes('to-gatekeeper');
  return directions.includes('to-client') && (audience === 'provider') === (where === 'http');
}

interface Case {
  readonly session: Session;
  readonly contact: string;
}

function casesOf(...policies: readonly Policy[]): Condition[] {
  return [
    ...new Map(
      policies.flatMap(({ exceptions }) => exceptions).map(({ when }) => [describe(when), when]),
    ).values(),
  ];
}

function regionsOf({ region }: Condition): readonly Pick<Condition, 'region'>[] {
  return region === undefined ? [{}] : [region].flat().map((each) => ({ region: each }));
}

/** Returns a session that meets a condition, and no other that it need not meet. */
function sessionFor(when: Condition): Case {
  const region = when.region === undefined ? 'XX-0' : String(when.region);
  return {
    contact: `x@${when['contact-domain'] ?? 'elsewhere.example'}`,
    session: {
      gatekeeper: when.gatekeeper ?? 'elsewhere',
      account: `x@${when['account-domain'] ?? 'elsewhere.example'}`,
      listener: when.listener ?? 'elsewhere',
      claims: when.identity ?? {},
      // In a part of the country that no condition names.
      region: region.includes('-') ? region : `${region}-0`,
      resource: '',
      session: 's',
      startedAt: 0,
      now: now - 365 * 86_400_000,
    },
  };
}

function describe(when: Condition): string {
  const parts = [
    ['contact at', when['contact-domain']?.toLowerCase()],
    ['account at', when['account-domain']?.toLowerCase()],
    ['gatekeeper', when.gatekeeper],
    ['listener', when.listener],
    [
      'identity',
      when.identity &&
        Object.entries(when.identity)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
    ],
    ['region', when.region && [when.region].flat().join(', ')],
  ];
  return parts
    .filter(([, value]) => value !== undefined)
    .map((each) => each.join(' '))
    .join(', ');
}

/** Makes two policies: unrelated ones, or one and the same with a few changes. */
export function generatePair({ catalogue, random }: PolicyMaterial): readonly [Documents, Documents] {
  const before = withHttp(generatePolicy({ catalogue, random }), catalogue, random);
  if (random.once(3)) return [before, withHttp(generatePolicy({ catalogue, random }), catalogue, random)];
  const document = before['generated']!;
  return [before, { ...before, generated: changed(document, catalogue, random) }];
}

/** Adds rules for the provider, whom only requests over HTTP reach. */
function withHttp(documents: Documents, { fields }: Catalogue, random: Random): Documents {
  const over = [...fields.values()].filter(
    ({ where, directions }) => where === 'http' && directions.includes('to-client'),
  );
  const document = documents['generated']!;
  const chosen = over.filter(() => random.once(3));
  const provider = Object.fromEntries(
    chosen.map((field) => [field.name, anyTreatment(field, random.pick(field.permits), random)]),
  );
  return {
    ...documents,
    generated: {
      ...document,
      spec: { ...document.spec, audiences: { ...document.spec.audiences, provider } },
    },
  };
}

function changed(document: PolicyDocument, catalogue: Catalogue, random: Random): PolicyDocument {
  const { spec } = document;
  const exceptions = spec.exceptions ?? [];
  const other = generatePolicy({ catalogue, random })['generated']!.spec.exceptions ?? [];
  return {
    ...document,
    spec: {
      ...spec,
      ...(random.once(6) && { unlisted: random.pick(['drop', 'keep', 'refuse'] as const) }),
      ...(random.once(12) && { mode: 'shadow' as const }),
      audiences: changedRules(spec.audiences ?? {}, catalogue, random),
      exceptions: [
        ...exceptions
          .filter(() => !random.once(4))
          .map((each) =>
            random.once(3) ? { ...each, audiences: changedRules(each.audiences, catalogue, random) } : each,
          ),
        ...(random.once(2) ? other : []),
      ],
    },
  };
}

function changedRules(written: WrittenAudiences, catalogue: Catalogue, random: Random): WrittenAudiences {
  const result: WrittenAudiences = { ...written };
  for (const audience of ['gatekeeper', 'client'] as const) {
    const rules = { ...written[audience] };
    for (const name of Object.keys(rules)) if (random.once(8) && name !== '*') delete rules[name];
    for (let count = random.below(4); count > 0; count -= 1) {
      const field = random.pick(fieldsFor(catalogue, audience));
      rules[field.name] = anyTreatment(field, random.pick(field.permits), random);
    }
    result[audience] = rules;
  }
  return result;
}
