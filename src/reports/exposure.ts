/** What each audience sees under a policy: one row for each field of the catalogue, with the line of the policy that says
 *  so. Counts are added from a ledger. */
import { relative } from 'node:path';
import type { Place } from '../documents/diagnostic.ts';
import type { TreatmentName } from '../minimisation/treatment.ts';
import type { Catalogue, Field } from '../policy/catalogue.ts';
import { describeTreatment } from '../policy/describe.ts';
import { summariseExceptions, type ExceptionSummary } from '../policy/exceptions.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';
import { audienceNames } from '../policy/schema.ts';
import type { Audience } from '../stanza/direction.ts';

/** How a field appears to an audience. */
export interface Appearance {
  readonly treatment: TreatmentName;
  /** The treatment in words. */
  readonly words: string;
  /** The author's reason; '' without one. */
  readonly why: string;
  /** `file:line` of the rule; `unlisted` where no rule names the field. */
  readonly source: string;
  /** Decisions on record; undefined without a ledger. */
  readonly counted: number | undefined;
}

export interface ExposureRow {
  readonly field: string;
  readonly title: string;
  readonly category: Field['category'];
  readonly reveals: string;
  /** The section of the specification that defines it. */
  readonly specified: string;
  readonly audiences: Readonly<Record<Audience, Appearance>>;
}

export interface ExposureReport {
  readonly policy: string;
  /** SHA-256 of the files of the policy, in base64url. */
  readonly digest: string;
  /** Under `shadow` nothing is withheld, whatever the rows say. */
  readonly mode: Policy['mode'];
  readonly unlisted: Policy['unlisted'];
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

export interface ExposureSources {
  readonly policy: Policy;
  readonly digest: string;
  readonly catalogue: Catalogue;
  /** Undefined without a ledger. */
  readonly counts: readonly FieldCount[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function exposureReport({ policy, digest, catalogue, counts, now }: ExposureSources): ExposureReport {
  const fields = [...catalogue.fields.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1));
  return {
    policy: policy.name,
    digest,
    mode: policy.mode,
    unlisted: policy.unlisted,
    rows: fields.map((field) => rowOf(field, policy, counts)),
    exceptions: summariseExceptions(policy, now),
  };
}

function rowOf(field: Field, policy: Policy, counts: readonly FieldCount[] | undefined): ExposureRow {
  const { name, title, category, reveals, source } = field;
  const appearances = audienceNames.map((audience) => {
    const { treatment, rule } = treatmentOf(policy, audience, name);
    const appearance: Appearance = {
      treatment: treatment.kind,
      words: describeTreatment(treatment),
      why: rule?.why ?? '',
      source: rule === undefined ? 'unlisted' : placeText(rule.place),
      counted: counts === undefined ? undefined : sumOf(counts, audience, name),
    };
    return [audience, appearance] as const;
  });
  return {
    field: name,
    title,
    category,
    reveals,
    specified: source,
    audiences: Object.fromEntries(appearances) as Record<Audience, Appearance>,
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
