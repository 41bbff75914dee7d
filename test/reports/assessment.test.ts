import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCatalogue, openPolicy } from '../../src/app/files/policies.ts';
import { metricTable } from '../../src/observability/metric-table.ts';
import { concerns } from '../../src/policy/catalogue.ts';
import { treatmentOf } from '../../src/policy/policy.ts';
import { assessmentDocument, assessmentReport } from '../../src/reports/assessment/assessment.ts';
import type { Source } from '../../src/reports/assessment/statement.ts';
import { exposureReport } from '../../src/reports/exposure.ts';

const catalogue = openCatalogue();

function reportOf(name: string) {
  const policy = openPolicy(name);
  const now = Date.UTC(2026, 10, 29);
  return assessmentReport(
    exposureReport({ policy, digest: 'd'.repeat(43), catalogue, counts: undefined, now }),
  );
}

const root = new URL('../../', import.meta.url);

/** Returns a member of the report in JSON by its path. */
function memberAt(report: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], report);
}

function exists(report: unknown, { kind, at }: Source): boolean {
  if (kind === 'document' || kind === 'test') return existsSync(new URL(at, root));
  if (kind === 'metric') return Object.keys(metricTable).includes(at);
  if (kind === 'figure') return memberAt(report, at) !== undefined;
  if (kind !== 'policy' || at === 'unlisted') return at !== '';
  const [file, line] = at.split(':');
  const lines = readFileSync(new URL(file!, root), 'utf8').split('\n');
  return /\S/.test(lines[Number(line) - 1] ?? '');
}

describe.each(['passthrough', 'balanced', 'strict'])('the assessment of %s', (name) => {
  const report = reportOf(name);
  const statements = report.answers.flatMap((answer) => answer.statements);

  test('answers at least thirty questions, each by a provision of the law', () => {
    expect(report.answers.length).toBeGreaterThanOrEqual(30);
    expect(new Set(report.answers.map(({ id }) => id)).size).toBe(report.answers.length);
    for (const { basis, statements: answers } of report.answers) {
      expect(basis).toMatch(/^Art\. 35\(\d+\)/);
      expect(answers).not.toEqual([]);
    }
  });

  test('has a source that exists for every statement', () => {
    expect(statements.filter(({ source }) => !exists(report, source))).toEqual([]);
  });

  test('states no figure that the report in JSON does not have', () => {
    const figures = Object.values(report.figures).map(String);
    for (const { text, source } of statements.filter(({ source: { kind } }) => kind === 'figure')) {
      if (source.at === 'digest') continue;
      for (const number of text.match(/\b\d+\b/g) ?? []) expect(figures).toContain(number);
    }
  });

  test('counts as the policy decides', () => {
    const policy = openPolicy(name);
    const reaching = [...catalogue.fields.values()].filter((field) => concerns(field, 'gatekeeper'));
    const treatments = reaching.map(({ name: of }) => treatmentOf(policy, 'gatekeeper', of).treatment.kind);
    const { fields, gatekeeperSees, gatekeeperSeesChanged, gatekeeperWithheld, gatekeeperUnreached } =
      report.figures;
    expect(gatekeeperSees).toBe(treatments.filter((kind) => kind === 'keep').length);
    expect(gatekeeperSees + gatekeeperSeesChanged + gatekeeperWithheld).toBe(treatments.length);
    expect(fields - gatekeeperUnreached).toBe(treatments.length);
  });

  test('says what no policy can hide, and what the controller has to say', () => {
    expect(report.answers.find(({ id }) => id === 'c9')!.statements.length).toBeGreaterThan(1);
    const document = assessmentDocument(report);
    expect(document.facts).toContainEqual([
      'questions that the controller has to answer or complete',
      String(report.answers.filter((answer) => JSON.stringify(answer).includes('"controller"')).length),
    ]);
  });
});

test('every lever of strict is named with the risk that it mitigates', () => {
  const report = reportOf('strict');
  const levers = report.answers.find(({ id }) => id === 'd1')!.statements.map(({ text }) => text);
  const policy = openPolicy('strict');
  for (const field of catalogue.fields.keys()) {
    if (!concerns(catalogue.fields.get(field)!, 'gatekeeper')) continue;
    const { kind } = treatmentOf(policy, 'gatekeeper', field).treatment;
    const named = levers.filter((text) => text.startsWith(`${kind}, against the risk that `));
    if (kind === 'keep') expect(levers.join('\n')).not.toMatch(new RegExp(`[ ,]${field}[,.]`));
    else expect(named.join('\n')).toContain(field);
  }
  for (const text of levers) expect(text).not.toContain('the value is seen');
});
