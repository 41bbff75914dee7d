/** The assessment pack as its reader has it: in JSON, with the project. Figures are computed again from the rows of the report,
 *  and no function of the product computes them here. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCatalogue, openPolicy } from '../../src/app/files/policies.ts';
import { metricTable } from '../../src/observability/metric-table.ts';
import { concerns } from '../../src/policy/catalogue.ts';
import { treatmentOf } from '../../src/policy/policy.ts';
import {
  assessmentDocument,
  assessmentReport,
  isOpen,
  type AssessmentReport,
} from '../../src/reports/assessment/assessment.ts';
import type { Source, Statement } from '../../src/reports/assessment/statement.ts';
import { exposureReport } from '../../src/reports/exposure.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import {
  attestation,
  baseConfiguration,
  gatekeeper,
  gatekeeperServices,
  reportOn,
  services,
  shippedCapabilities,
  signals,
} from './configurations.ts';
import { hasLine, hasPlace } from './sources.ts';

const catalogue = openCatalogue();

/** The report as its reader has it. */
const asJson = (report: AssessmentReport): AssessmentReport =>
  JSON.parse(JSON.stringify(report)) as AssessmentReport;

function reportOf(name: string): AssessmentReport {
  const policy = openPolicy(name);
  const now = Date.UTC(2026, 10, 29);
  return asJson(
    assessmentReport(exposureReport({ policy, digest: 'd'.repeat(43), catalogue, counts: undefined, now })),
  );
}

const folders: TemporaryFolder[] = [];
const reports = new Map<string, AssessmentReport>();

async function configured(sections: object): Promise<AssessmentReport> {
  const folder = await temporaryFolder();
  folders.push(folder);
  const report = await reportOn(folder, baseConfiguration(sections));
  const [view] = report.views;
  return asJson(
    assessmentReport(view!.report, { gatekeeper: view!.gatekeeper, surroundings: report.surroundings }),
  );
}

beforeAll(async () => {
  for (const name of ['passthrough', 'balanced', 'strict']) reports.set(name, reportOf(name));
  reports.set(
    'a configuration with every part',
    await configured({
      ...services,
      signals,
      capabilities: shippedCapabilities,
      ledger: { recordsFolder: 'records', keyFile: 'ledger.pem' },
      gatekeepers: [{ ...gatekeeper, ...gatekeeperServices, attestation }],
    }),
  );
  reports.set('the least configuration', await configured({}));
});
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

/** Returns a member of the report in JSON by its path. Names of fields and classes have no dots in it. */
function memberAt(report: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], report);
}

function exists(report: AssessmentReport, { kind, at }: Source): boolean {
  if (kind === 'document' || kind === 'test') return hasPlace(at);
  if (kind === 'metric') return Object.keys(metricTable).includes(at);
  if (kind === 'figure') return memberAt(report, at) !== undefined;
  if (kind === 'catalogue') return catalogue.fields.has(at);
  if (kind === 'law' || kind === 'controller') return at !== '';
  if (kind === 'policy' && at === 'unlisted') return true;
  if (kind === 'setting' && /^default of `[\w.]+`$/.test(at)) return true;
  if (/^(test|docs)\//.test(at)) return hasPlace(at);
  return hasLine(at);
}

const names = [
  'passthrough',
  'balanced',
  'strict',
  'a configuration with every part',
  'the least configuration',
];

describe.each(names)('the assessment of %s', (name) => {
  const read = (): AssessmentReport => reports.get(name)!;
  const statements = (): readonly Statement[] => read().answers.flatMap((answer) => answer.statements);

  test('answers at least thirty questions, each by a provision of the law', () => {
    const { answers } = read();
    expect(answers.length).toBeGreaterThanOrEqual(30);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length);
    for (const { basis, statements: answer } of answers) {
      expect(basis).toMatch(/^Art\. 35\(\d+\)/);
      expect(answer).not.toEqual([]);
    }
    for (const point of ['a', 'b', 'c', 'd'])
      expect(answers.some(({ basis }) => basis.startsWith(`Art. 35(7)(${point})`))).toBe(true);
  });

  test('has a source that exists for every statement, with its heading, title or line', () => {
    expect(statements().filter(({ source }) => !exists(read(), source))).toEqual([]);
  });

  test('has no figure that the member which it names does not have', () => {
    for (const { text, source } of statements()) {
      if (source.kind !== 'figure') continue;
      const there = JSON.stringify(memberAt(read(), source.at));
      const namesOut = text.replaceAll(/[a-z]+[a-z0-9]*(?:[.-][a-z0-9]+)+/g, '');
      for (const number of namesOut.match(/(?<![\w-])\d+(?![\w-])/g) ?? [])
        expect(there, text).toMatch(new RegExp(`(?<!\\d)${number}(?!\\d)`));
    }
  });

  test('has a figure in statements of figures, of lines and of the law only', () => {
    for (const { text, source } of statements()) {
      if (['figure', 'policy', 'setting', 'law'].includes(source.kind)) continue;
      const specifications = text.replaceAll(/XEP-\d+|RFC \d+|Art\. \d+|SHA-256/g, '');
      if (source.kind === 'test' && source.at.startsWith('test/') && / minutes?|hours?|days?/.test(text))
        continue;
      expect(specifications, text).not.toMatch(/\d/);
    }
  });

  test('can be computed again from its own rows and exceptions', () => {
    const { rows, exceptions, figures } = read();
    const shown = rows.map(({ audiences, ...row }) => ({ ...row, ...audiences.gatekeeper }));
    const hides = new Set(['drop', 'refuse', 'replace', 'answer']);
    const count = (list: readonly { readonly treatment: string }[]) => ({
      sees: list.filter(({ treatment }) => treatment === 'keep').length,
      changed: list.filter(
        ({ treatment }) => !['keep', 'absent'].includes(treatment) && !hides.has(treatment),
      ).length,
      withheld: list.filter(({ treatment }) => hides.has(treatment)).length,
      reachable: list.filter(({ treatment }) => treatment !== 'absent').length,
    });
    const all = count(shown);
    expect(figures).toMatchObject({
      fields: rows.length,
      gatekeeperReachable: all.reachable,
      gatekeeperSees: all.sees,
      gatekeeperSeesChanged: all.changed,
      gatekeeperWithheld: all.withheld,
      gatekeeperUnreached: rows.length - all.reachable,
      exceptions: exceptions.length,
      clientWithheld: rows.filter(({ audiences }) => hides.has(audiences.client.treatment)).length,
      providerSees: rows.filter(
        ({ audiences: { provider } }) => provider.treatment !== 'absent' && !hides.has(provider.treatment),
      ).length,
    });
    for (const [category, counted] of Object.entries(figures.byCategory))
      expect(counted).toEqual(count(shown.filter((row) => row.category === category)));
    for (const { treatment } of shown.filter((row) => !['keep', 'absent'].includes(row.treatment)))
      expect(figures.levers).toHaveProperty(treatment);
    for (const [lever, number] of Object.entries(figures.levers))
      expect(number).toBe(shown.filter(({ treatment }) => treatment === lever).length);
    for (const [field, number] of Object.entries(figures.seenByClass))
      expect(number).toBe(
        shown.filter(
          ({ classes, treatment }) =>
            classes.some((each) => each === field) && treatment !== 'absent' && !hides.has(treatment),
        ).length,
      );
  });

  test('says what no policy can hide, and what the controller has to say', () => {
    const last = read().answers.find(({ question }) => question === 'What can no policy hide?')!;
    expect(last.statements.length).toBeGreaterThan(2);
    expect(last.statements.map(({ text }) => text).join(' ')).toContain('jid.bare');
    const open = read().answers.filter((answer) => JSON.stringify(answer).includes('"controller"'));
    expect(open.filter((answer) => !isOpen(answer))).toEqual([]);
    expect(assessmentDocument(read()).facts).toContainEqual([
      'questions that the controller has to answer or complete',
      String(open.length),
    ]);
  });

  test('maps each field that is changed or withheld to a lever and the risk that it mitigates', () => {
    const levers = assessmentDocument(read()).sections.find(({ title }) => title === 'Levers')!.table!;
    const changed = read().rows.filter(
      ({ audiences }) => !['keep', 'absent'].includes(audiences.gatekeeper.treatment),
    );
    expect(levers.rows.map(([field]) => field)).toEqual(changed.map(({ field }) => field));
    for (const cells of levers.rows) for (const cell of cells) expect(cell).not.toBe('');
  });

  test('states for each field that reaches the gatekeeper what fails without it', () => {
    const necessity = assessmentDocument(read()).sections.find(({ title }) => title === 'Necessity')!.table!;
    const { gatekeeperSees, gatekeeperSeesChanged } = read().figures;
    expect(necessity.rows).toHaveLength(gatekeeperSees + gatekeeperSeesChanged);
    for (const [field, , , fails] of necessity.rows) expect(fails, field).not.toBe('');
  });
});

test.each(['passthrough', 'balanced', 'strict'])('the figures of %s are those of the policy', (name) => {
  const policy = openPolicy(name);
  const reaching = [...catalogue.fields.values()].filter((field) => concerns(field, 'gatekeeper'));
  const treatments = reaching.map(({ name: of }) => treatmentOf(policy, 'gatekeeper', of).treatment.kind);
  const { figures } = reports.get(name)!;
  expect(figures.gatekeeperSees).toBe(treatments.filter((kind) => kind === 'keep').length);
  expect(figures.gatekeeperReachable).toBe(treatments.length);
});

test('every lever of strict is named with its fields', () => {
  const levers = reports
    .get('strict')!
    .answers.find(({ id }) => id === 'd1')!
    .statements.map(({ text }) => text);
  const policy = openPolicy('strict');
  for (const [name, field] of catalogue.fields) {
    if (!concerns(field, 'gatekeeper')) continue;
    const { kind } = treatmentOf(policy, 'gatekeeper', name).treatment;
    const named = levers.filter((text) => text.startsWith(`${kind}, for `));
    if (kind === 'keep') expect(levers.join('\n')).not.toMatch(new RegExp(`[ ,]${name}[,.]`));
    else expect(named.join('\n')).toContain(name);
  }
});

test('a configuration answers recipients, storage and transfers from its own lines', () => {
  const texts = (id: string, name: string): string =>
    reports
      .get(name)!
      .answers.find((answer) => answer.id === id)!
      .statements.map(({ text, source }) => `${text} ${source.at}`)
      .join('\n');
  const all = 'a configuration with every part';
  expect(texts('a5', all)).toContain(
    'It gets signed statements about connections, made for gatekeeper.example',
  );
  expect(texts('a6', all)).toContain('https://push.provider.example/notifications receives');
  expect(texts('a8', all)).toContain('digests of delivered notifications: in memory, 10 minutes. default of');
  expect(texts('a8', all)).toContain('in files, 400 days');
  expect(texts('a6', 'the least configuration')).toContain('HTTP port: It is not open');
  expect(texts('a8', 'balanced')).toContain('file system that it cannot write to');
});
