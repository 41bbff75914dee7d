/** Questions of a data-protection impact assessment, and what this product can answer of them. */
import type { Audience } from '../../stanza/direction.ts';
import type { Setting } from '../configuration/setting.ts';
import type { Surroundings } from '../configuration/configuration.ts';
import type { ExposureReport } from '../exposure.ts';
import type { AssessmentFigures } from './figures.ts';

/** Where a statement can be verified.
 *  - `policy`, `setting`: a line of a policy file, or of narthex.yaml (or a default of it).
 *  - `figure`: a member of this report in JSON.
 *  - `catalogue`: a field of the catalogue, by its name.
 *  - `metric`: by its name in METRICS.md.
 *  - `document`, `test`: a file of this project, with a heading or a title in it.
 *  - `law`: the text that asks.
 *  - `controller`: nothing in this product says it; the controller has to. */
export interface Source {
  readonly kind:
    'policy' | 'setting' | 'figure' | 'catalogue' | 'metric' | 'document' | 'test' | 'law' | 'controller';
  readonly at: string;
}

export interface Statement {
  readonly text: string;
  readonly source: Source;
}

export interface Answer {
  readonly id: string;
  /** The provision that asks: a point of Art. 35(7) GDPR, with the criterion of WP248 rev.01, Annex 2. */
  readonly basis: string;
  readonly question: string;
  readonly statements: readonly Statement[];
}

/** What surrounds the policy in a deployment. */
export interface AssessedDeployment {
  readonly gatekeeper: string;
  readonly surroundings: Surroundings;
}

/** What the answers are computed from. */
export interface AssessmentFacts {
  readonly exposure: ExposureReport;
  readonly figures: AssessmentFigures;
  /** Undefined for a report on a policy alone. */
  readonly deployment: AssessedDeployment | undefined;
}

export interface Question extends Omit<Answer, 'statements'> {
  readonly answer: (facts: AssessmentFacts) => readonly Statement[];
}

/** @param name below `figures` */
export function figure(name: string, text: string): Statement {
  return { text, source: { kind: 'figure', at: `figures.${name}` } };
}

/** A statement about the report itself. @param at a member of it */
export function member(at: string, text: string): Statement {
  return { text, source: { kind: 'figure', at } };
}

export function document(file: string, heading: string, text: string): Statement {
  return { text, source: { kind: 'document', at: `${file}: ${heading}` } };
}

export function test(file: string, title: string, text: string): Statement {
  return { text, source: { kind: 'test', at: `${file}: ${title}` } };
}

export function metric(name: string, text: string): Statement {
  return { text, source: { kind: 'metric', at: name } };
}

export function law(at: string, text: string): Statement {
  return { text, source: { kind: 'law', at } };
}

export function controller(what: string): Statement {
  return {
    text: `For the controller to say: ${what}.`,
    source: { kind: 'controller', at: 'Art. 4(7) GDPR' },
  };
}

/** States how one field appears to an audience, with what says so. */
export function fieldStatement(
  { rows }: ExposureReport,
  field: string,
  audience: Audience,
): readonly Statement[] {
  const row = rows.find((each) => each.field === field);
  if (row === undefined) return [];
  const { words, why, source, decidedBy } = row.audiences[audience];
  const reason = why === '' ? '' : `, because ${why}`;
  const text = `${row.title} (${field}) appears to the ${audience} as: ${words}${reason}.`;
  if (decidedBy === 'catalogue') return [{ text, source: { kind: 'catalogue', at: field } }];
  return [{ text, source: { kind: decidedBy === 'policy' ? 'policy' : 'setting', at: source } }];
}

/** Turns statements about a configuration into statements of an answer, those about other gatekeepers left out. */
export function settingStatements(
  settings: readonly Setting[],
  { gatekeeper }: Pick<AssessedDeployment, 'gatekeeper'>,
): readonly Statement[] {
  return settings
    .filter((setting) => setting.gatekeeper === undefined || setting.gatekeeper === gatekeeper)
    .map(({ about, says, source }) => ({ text: `${about}: ${says}`, source: settingSource(source) }));
}

/** The kind of a source of a setting: a file of this project, or the configuration. */
export function settingSource(at: string): Source {
  if (at.startsWith('test/')) return { kind: 'test', at };
  if (at.startsWith('docs/')) return { kind: 'document', at };
  return { kind: 'setting', at };
}
