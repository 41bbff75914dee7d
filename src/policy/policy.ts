/** A policy after parsing and inheritance. */
import type { Place } from '../documents/diagnostic.ts';
import type { Treatment } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import type { ExceptionCondition } from './condition.ts';
import type { Diagnostic } from './diagnostic.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { PolicyDocument, TreatmentDocument } from './schema.ts';

/** The treatment of one field for one audience. */
export interface Rule {
  readonly field: string;
  readonly treatment: Treatment;
  /** The author's reason; '' without one. */
  readonly why: string;
  /** Name of the policy that has the rule: this one, or one that it extends. */
  readonly policy: string;
  readonly place: Place;
}

/** Rules by field. The rule `*` applies to every field that is not named. */
export type Matrix = Readonly<Record<Audience, ReadonlyMap<string, Rule>>>;

export interface PolicyException {
  readonly when: ExceptionCondition;
  readonly matrix: Matrix;
  readonly why: string;
  readonly approvedBy: string;
  /** First millisecond since 1970 at which it no longer applies. */
  readonly expiresAt: number;
  readonly place: Place;
}

/** A warning that the author has read and means. */
export interface AcceptedWarning {
  readonly code: string;
  readonly field: string;
  readonly audience: Audience;
  readonly place: Place;
}

export interface InlineTest {
  readonly name: string;
  readonly from: 'client' | 'gatekeeper';
  readonly given: string;
  readonly expect: string;
  readonly reply?: string;
  readonly place: Place;
}

export type Unlisted = 'drop' | 'keep' | 'refuse';

export interface Policy {
  readonly name: string;
  readonly file: string;
  /** Name of this policy, of the one it extends, and so on. */
  readonly lineage: readonly string[];
  readonly mode: 'enforce' | 'shadow';
  /** The place of `mode` in the file; undefined when it is absent. */
  readonly modePlace: Place | undefined;
  readonly unlisted: Unlisted;
  /** Where `unlisted` is written; undefined when it is not. */
  readonly unlistedPlace: Place | undefined;
  readonly matrix: Matrix;
  readonly exceptions: readonly PolicyException[];
  /** Warnings of this file that are not to be shown; those of what it inherits are not. */
  readonly accepts: readonly AcceptedWarning[];
  readonly tests: readonly InlineTest[];
}

export type Loaded<T> =
  | { readonly kind: 'loaded'; readonly value: T }
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] };

/** Returns the first place of a policy's file, for what no line says. */
export function startOf({ file }: Pick<Policy, 'file'>): Place {
  return { file, line: 1, column: 1 };
}

/** Returns the treatment of a field that is neither named nor covered by `*`: that of unlisted elements. */
function unlistedTreatment(unlisted: Unlisted): Treatment {
  return unlisted === 'refuse' ? { kind: 'refuse', condition: 'policy-violation' } : { kind: unlisted };
}

/** Returns the treatment of a field for an audience, with the rule that sets it. */
export function treatmentOf(
  policy: Pick<Policy, 'matrix' | 'unlisted'>,
  audience: Audience,
  field: string,
): { readonly treatment: Treatment; readonly rule: Rule | undefined } {
  const rules = policy.matrix[audience];
  const rule = rules.get(field) ?? rules.get('*');
  return { treatment: rule?.treatment ?? unlistedTreatment(policy.unlisted), rule };
}

/** Converts a treatment from the document. Durations become milliseconds, sizes bytes. */
export function toTreatment(written: TreatmentDocument): Treatment {
  if (written === 'refuse') return { kind: 'refuse', condition: 'policy-violation' };
  if (typeof written === 'string') return { kind: written };
  const parameters = written as unknown as Record<string, never>;
  const [kind] = Object.keys(parameters).filter((key) => key !== 'why');
  const value: never = parameters[kind!]!;
  return readers[kind as Treatment['kind']](value);
}

const readers: { readonly [K in Treatment['kind']]: (value: never) => Treatment } = {
  keep: () => ({ kind: 'keep' }),
  drop: () => ({ kind: 'drop' }),
  lower: () => ({ kind: 'lower' }),
  refuse: ({ condition = 'policy-violation' }: Partial<Extract<Treatment, { kind: 'refuse' }>>) => ({
    kind: 'refuse',
    condition,
  }),
  replace: (value: string) => ({ kind: 'replace', value }),
  pseudonymise: ({ scope, rotate }: { scope: 'session'; rotate?: string }) => ({
    kind: 'pseudonymise',
    scope,
    ...(rotate === undefined ? {} : { rotateMs: parseDuration(rotate)! }),
  }),
  coarsen: (value: string | { ipv4: number; ipv6: number }) => ({ kind: 'coarsen', to: toGrain(value) }),
  pad: (value: string[]) => ({
    kind: 'pad',
    buckets: value.map((size) => parseSize(size)!).toSorted((a, b) => a - b),
  }),
  delay: (value: { 'up-to': string }) => ({ kind: 'delay', upToMs: parseDuration(value['up-to'])! }),
  equalise: ({ after }: { after: string }) => ({ kind: 'equalise', afterMs: parseDuration(after)! }),
  answer: (values: Record<string, string>) => ({ kind: 'answer', values }),
};

function toGrain(
  value: string | { ipv4: number; ipv6: number },
): Extract<Treatment, { kind: 'coarsen' }>['to'] {
  if (typeof value !== 'string') return { unit: 'address', ipv4Bits: value.ipv4, ipv6Bits: value.ipv6 };
  if (value === 'major') return { unit: 'version' };
  if (value === 'primary') return { unit: 'language' };
  const grainMs = parseDuration(value);
  return grainMs === undefined ? { unit: 'bytes', grainBytes: parseSize(value)! } : { unit: 'time', grainMs };
}

export type AudienceDocument = NonNullable<PolicyDocument['spec']['audiences']>;
