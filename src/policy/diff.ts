/** Compares two policies: which audience sees more or less of which field. */
import { treatmentNames, type PseudonymScope, type Treatment } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { concerns, type Catalogue } from './catalogue.ts';
import { describeWhen } from './condition.ts';
import { describeTreatment } from './describe.ts';
import { treatmentOf, type Policy } from './policy.ts';
import { overlay } from './resolve.ts';
import { audienceNames } from './schema.ts';

/** `differently`: neither treatment shows more than the other, such as two constants. */
export type Change = 'more' | 'less' | 'differently';

export interface Difference {
  readonly audience: Audience;
  /** Name of the field, or `unlisted`. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
  readonly sees: Change;
  /** The conditions of an exception, for a difference under it only. */
  readonly when?: string;
}

export function diffPolicies(before: Policy, after: Policy, catalogue: Catalogue): readonly Difference[] {
  return [
    ...diffMode(before, after),
    ...diffUnlisted(before, after),
    ...diffMatrix(before, after, catalogue),
    ...diffExceptions(before, after, catalogue),
  ];
}

/** Compares the modes: in shadow mode everything in a stanza is shown. */
function diffMode(before: Policy, after: Policy): Difference[] {
  if (before.mode === after.mode) return [];
  const sees: Change = after.mode === 'shadow' ? 'more' : 'less';
  return (['gatekeeper', 'client'] as const).map((audience) => ({
    audience,
    field: 'mode',
    before: before.mode,
    after: after.mode,
    sees,
  }));
}

function diffUnlisted(before: Policy, after: Policy): Difference[] {
  if (before.unlisted === after.unlisted) return [];
  const sees: Change =
    after.unlisted === 'keep' ? 'more' : before.unlisted === 'keep' ? 'less' : 'differently';
  return (['gatekeeper', 'client'] as const).map((audience) => ({
    audience,
    field: 'unlisted',
    before: before.unlisted,
    after: after.unlisted,
    sees,
  }));
}

function diffMatrix(
  before: Pick<Policy, 'matrix' | 'unlisted'>,
  after: Pick<Policy, 'matrix' | 'unlisted'>,
  catalogue: Catalogue,
): Difference[] {
  const found: Difference[] = [];
  for (const audience of audienceNames) {
    for (const field of catalogue.fields.values()) {
      if (!concerns(field, audience)) continue;
      const from = treatmentOf(before, audience, field.name).treatment;
      const to = treatmentOf(after, audience, field.name).treatment;
      const [was, is] = [describeTreatment(from), describeTreatment(to)];
      if (was === is) continue;
      found.push({ audience, field: field.name, before: was, after: is, sees: compare(from, to) });
    }
  }
  return found;
}

/** Compares each exception of either policy with the other policy in the same case. */
function diffExceptions(before: Policy, after: Policy, catalogue: Catalogue): Difference[] {
  const cases = new Map(
    [...before.exceptions, ...after.exceptions].map(({ when }) => [JSON.stringify(when), when]),
  );
  const plain = new Set(
    diffMatrix(before, after, catalogue).map(({ audience, field }) => `${audience} ${field}`),
  );
  return [...cases].flatMap(([key, when]) => {
    const applied = (policy: Policy): Pick<Policy, 'matrix' | 'unlisted'> => ({
      unlisted: policy.unlisted,
      matrix: policy.exceptions
        .filter((exception) => JSON.stringify(exception.when) === key)
        .reduce((matrix, exception) => overlay(matrix, exception.matrix), policy.matrix),
    });
    return diffMatrix(applied(before), applied(after), catalogue)
      .filter(({ audience, field }) => !plain.has(`${audience} ${field}`))
      .map((difference) => Object.assign({}, difference, { when: describeCondition(when) }));
  });
}

function describeCondition(when: Policy['exceptions'][number]['when']): string {
  return Object.entries(describeWhen(when))
    .map(([key, value]) => `${conditionWords[key] ?? key} ${value}`)
    .join(', ');
}

const conditionWords: Readonly<Record<string, string>> = {
  'contact-domain': 'contact at',
  'account-domain': 'account at',
};

/** Scopes, ordered from the one that links the most. */
const scopes: readonly PseudonymScope[] = ['gatekeeper', 'account', 'conversation', 'session'];

/** Compares how much two treatments show.
 *  @returns `more` when the second shows more */
export function compare(from: Treatment, to: Treatment): Change {
  if (from.kind !== to.kind) {
    const rank = ({ kind }: Treatment): number => visibility[kind];
    if (rank(from) === rank(to)) return 'differently';
    return rank(from) < rank(to) ? 'more' : 'less';
  }
  const amount = amountShown(from) - amountShown(to);
  if (Number.isNaN(amount) || amount === 0) return 'differently';
  return amount < 0 ? 'more' : 'less';
}

/** How much of a value a treatment shows: 0 and 1 nothing of it, 2 which values are equal, 3 a part, 4 all but its
 *  time, 5 all but a part of its time or length, 6 all. */
const visibility: Readonly<Record<(typeof treatmentNames)[number], number>> = {
  keep: 6,
  delay: 5,
  pad: 5,
  equalise: 4,
  coarsen: 3,
  pseudonymise: 2,
  replace: 1,
  answer: 1,
  drop: 0,
  refuse: 0,
};

/** Returns how much a treatment shows, comparable within one kind of treatment; NaN where that is no amount. */
function amountShown(treatment: Treatment): number {
  switch (treatment.kind) {
    case 'pseudonymise': {
      const rotation = treatment.rotateMs ?? Number.MAX_SAFE_INTEGER;
      return (scopes.length - scopes.indexOf(treatment.scope)) * 2 + rotation / Number.MAX_SAFE_INTEGER;
    }
    case 'coarsen':
      return amountOfGrain(treatment.to);
    case 'delay':
      return -treatment.upToMs;
    case 'equalise':
      return -treatment.afterMs;
    case 'pad':
      return treatment.buckets.length;
    default:
      return Number.NaN;
  }
}

function amountOfGrain(grain: Extract<Treatment, { kind: 'coarsen' }>['to']): number {
  if (grain.unit === 'time') return -grain.grainMs;
  if (grain.unit === 'bytes') return -grain.grainBytes;
  return grain.unit === 'address' ? grain.ipv4Bits + grain.ipv6Bits : 0;
}
