/** Compares two policies: which audience sees more or less of which field. */
import {
  treatmentNames,
  type Grain,
  type PseudonymScope,
  type Treatment,
} from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { isShown, type Catalogue } from './catalogue.ts';
import { describeWhen, implies } from './condition.ts';
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
      if (!isShown(catalogue, field.name, audience)) continue;
      const from = treatmentOf(before, audience, field.name).treatment;
      const to = treatmentOf(after, audience, field.name).treatment;
      const [was, is] = [describeTreatment(from), describeTreatment(to)];
      if (was === is) continue;
      found.push({ audience, field: field.name, before: was, after: is, sees: compare(from, to) });
    }
  }
  return found;
}

/** Compares the policies in the case of each exception of either, where every exception holds that this case implies. What
 *  changes in the same way without any exception is not repeated. */
function diffExceptions(before: Policy, after: Policy, catalogue: Catalogue): Difference[] {
  const cases = new Map(
    [...before.exceptions, ...after.exceptions].map(({ when }) => [JSON.stringify(when), when]),
  );
  const plain = new Set(diffMatrix(before, after, catalogue).map(keyOf));
  return [...cases.values()].flatMap((when) => {
    const applied = (policy: Policy): Pick<Policy, 'matrix' | 'unlisted'> => ({
      unlisted: policy.unlisted,
      matrix: policy.exceptions
        .filter((exception) => implies(when, exception.when))
        .reduce((matrix, exception) => overlay(matrix, exception.matrix), policy.matrix),
    });
    return diffMatrix(applied(before), applied(after), catalogue)
      .filter((difference) => !plain.has(keyOf(difference)))
      .map((difference) => Object.assign({}, difference, { when: describeCondition(when) }));
  });
}

function keyOf({ audience, field, before, after }: Difference): string {
  return JSON.stringify([audience, field, before, after]);
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
  const amount =
    from.kind === 'pad' && to.kind === 'pad' ? comparePadding(from, to) : compareAmounts(from, to);
  if (Number.isNaN(amount) || amount === 0) return 'differently';
  return amount < 0 ? 'more' : 'less';
}

/** Returns a negative number when the second shows more, 0 or NaN when neither does. */
function compareAmounts(from: Treatment, to: Treatment): number {
  const [was, is] = [from, to].map(networkShown);
  if (was === undefined || is === undefined) return amountShown(from) - amountShown(to);
  const [ipv4, ipv6] = [was.ipv4Bits - is.ipv4Bits, was.ipv6Bits - is.ipv6Bits];
  // More of one and less of the other is neither.
  return ipv4 * ipv6 < 0 ? 0 : ipv4 + ipv6;
}

function networkShown(treatment: Treatment): Extract<Grain, { unit: 'address' }> | undefined {
  return treatment.kind === 'coarsen' && treatment.to.unit === 'address' ? treatment.to : undefined;
}

type Padding = Extract<Treatment, { kind: 'pad' }>;

/** Buckets tell lengths apart at each bucket, and above the largest at its multiples. Those show more that do so wherever the
 *  others do. */
function comparePadding(from: Padding, to: Padding): number {
  return Number(tellsApart(from, to)) - Number(tellsApart(to, from));
}

/** Returns whether the first tells apart all lengths that the second does. */
function tellsApart({ buckets: finer }: Padding, { buckets: coarser }: Padding): boolean {
  const largest = finer.at(-1)!;
  const isBorder = (size: number): boolean =>
    finer.includes(size) || (size > largest && size % largest === 0);
  return coarser.at(-1)! % largest === 0 && coarser.every(isBorder);
}

/** How much of a value a treatment shows: 0 and 1 nothing of it, 2 which values are equal, 3 a part, 4 all but its
 *  time, 5 all but a part of its time or length, 6 all. */
const visibility: Readonly<Record<(typeof treatmentNames)[number], number>> = {
  keep: 6,
  delay: 5,
  pad: 5,
  equalise: 4,
  coarsen: 3,
  lower: 3,
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
    default:
      return Number.NaN;
  }
}

function amountOfGrain(grain: Extract<Treatment, { kind: 'coarsen' }>['to']): number {
  if (grain.unit === 'time') return -grain.grainMs;
  return grain.unit === 'bytes' ? -grain.grainBytes : 0;
}
