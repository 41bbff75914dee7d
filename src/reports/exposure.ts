/** What each audience sees under a policy: one row for each field of the catalogue, with the line of the policy that says
 *  so. Counts are added from a ledger. */
import { relative } from 'node:path';
import type { Place } from '../documents/diagnostic.ts';
import type { TreatmentName } from '../minimisation/treatment.ts';
import { concerns, type Catalogue, type Field } from '../policy/catalogue.ts';
import { describeTreatment } from '../policy/describe.ts';
import { summariseExceptions, type ExceptionSummary } from '../policy/exceptions.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';
import { audienceNames } from '../policy/schema.ts';
import type { Audience } from '../stanza/direction.ts';

/** How a field appears to an audience. */
export interface Appearance {
  /** `absent`: the field is in nothing that the audience receives. */
  readonly treatment: TreatmentName | 'absent';
  /** The treatment in words. */
  readonly words: string;
  /** The author's reason; '' without one. */
  readonly why: string;
  /** `file:line` of the rule; `unlisted` where no rule names the field, `catalogue` where no rule is asked. */
  readonly source: string;
  /** What says so. Under mode `shadow` the policy, and nothing else, has no effect. */
  readonly decidedBy: 'policy' | 'profile' | 'configuration' | 'catalogue';
  /** Decisions on record; undefined without a source of counts. */
  readonly counted: number | undefined;
}

export interface ExposureRow {
  readonly field: string;
  readonly title: string;
  readonly category: Field['category'];
  readonly reveals: string;
  /** The section of the specification that defines it. */
  readonly specified: string;
  /** What fails where it is withheld. */
  readonly breaks: string;
  readonly classes: Field['classes'];
  /** Treatments that a policy can give it. */
  readonly permits: Field['permits'];
  readonly audiences: Readonly<Record<Audience, Appearance>>;
}

export interface ExposureReport {
  readonly policy: string;
  /** SHA-256 of the files of the policy, in base64url. */
  readonly digest: string;
  /** Under `shadow` nothing is withheld, whatever the rows say. */
  readonly mode: Policy['mode'];
  readonly unlisted: Policy['unlisted'];
  /** Where the counts are from; null without counts. */
  readonly counts: string | null;
  readonly rows: readonly ExposureRow[];
  readonly exceptions: readonly ExceptionSummary[];
}

/** Decisions on record of a field for an audience, by treatment. */
export interface FieldCount {
  readonly audience: string;
  readonly field: string;
  readonly treatment: string;
  readonly count: number;
}

/** An appearance that a capability profile or the configuration decides, whatever the policy says. */
export interface Surrounding extends Omit<Appearance, 'counted'> {
  readonly field: string;
  readonly audience: Audience;
}

export interface FieldCounts {
  /** Where they are from, and of which time. */
  readonly provenance: string;
  readonly rows: readonly FieldCount[];
}

export interface ExposureSources {
  readonly policy: Policy;
  readonly digest: string;
  readonly catalogue: Catalogue;
  /** Undefined without a source of counts. */
  readonly counts: FieldCounts | undefined;
  /** Of the deployment; none where it is not known. */
  readonly surroundings?: readonly Surrounding[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function exposureReport({
  policy,
  digest,
  catalogue,
  counts,
  surroundings = [],
  now,
}: ExposureSources): ExposureReport {
  const fields = [...catalogue.fields.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1));
  return {
    policy: policy.name,
    digest,
    mode: policy.mode,
    unlisted: policy.unlisted,
    counts: counts?.provenance ?? null,
    rows: fields.map((field) => rowOf(field, { policy, counts, surroundings })),
    exceptions: summariseExceptions(policy, now),
  };
}

function rowOf(
  field: Field,
  {
    policy,
    counts,
    surroundings,
  }: Pick<ExposureSources, 'policy' | 'counts'> & Required<Pick<ExposureSources, 'surroundings'>>,
): ExposureRow {
  const { name, title, category, reveals, source, breaks, classes, permits } = field;
  const appearances = audienceNames.map((audience) => {
    const decided = surroundings.find((each) => each.field === name && each.audience === audience);
    const { treatment, words, why, source, decidedBy } = decided ?? appearanceOf(policy, audience, field);
    const counted = counts === undefined ? undefined : sumOf(counts.rows, audience, name);
    return [audience, { treatment, words, why, source, decidedBy, counted }] as const;
  });
  return {
    field: name,
    title,
    category,
    reveals,
    specified: source,
    breaks,
    classes,
    permits,
    audiences: Object.fromEntries(appearances) as Record<Audience, Appearance>,
  };
}

const notReached: Omit<Appearance, 'counted'> = {
  treatment: 'absent',
  words: 'not sent',
  why: '',
  source: 'catalogue',
  decidedBy: 'catalogue',
};

function appearanceOf(policy: Policy, audience: Audience, field: Field): Omit<Appearance, 'counted'> {
  if (!concerns(field, audience)) return notReached;
  const { treatment, rule } = treatmentOf(policy, audience, field.name);
  return {
    treatment: treatment.kind,
    words: describeTreatment(treatment),
    why: rule?.why ?? '',
    source: rule === undefined ? 'unlisted' : placeText(rule.place),
    decidedBy: 'policy',
  };
}

function sumOf(counts: readonly FieldCount[], audience: Audience, field: string): number {
  return counts
    .filter((each) => each.audience === audience && each.field === field)
    .reduce((sum, { count }) => sum + count, 0);
}

/** Returns `file:line`, the file from the current folder where it is below it. */
export function placeText({ file, line }: Place): string {
  const path = relative('', file);
  return `${path.startsWith('..') ? file : path}:${line}`;
}
