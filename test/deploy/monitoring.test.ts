/** Alerts, runbooks and dashboard, against the metrics that the proxy has. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { metricTable } from '../../src/observability/metric-table.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';

const root = join(import.meta.dirname, '../..');
const files = join(root, 'deploy/helm/narthex/files');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const { groups } = parse(readFileSync(join(files, 'rules.yaml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

/** What promtool tests the rules with. */
interface RuleTests {
  readonly tests: readonly { readonly name: string }[];
}

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const dashboard = JSON.parse(readFileSync(join(files, 'dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
};

/** Every name of a sample that /metrics can have, with the labels of its metric. */
async function samples(): Promise<Map<string, readonly string[]>> {
  const text = await createMetrics({ version: '1', processMetrics: true }).text();
  const names = new Map<string, readonly string[]>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const labels = Object.hasOwn(metricTable, name!)
      ? metricTable[name as keyof typeof metricTable].labels
      : [];
    const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const ending of endings)
      names.set(`${name}${ending}`, [...labels, ...(ending === '_bucket' ? ['le'] : [])]);
  }
  return names;
}

/** Names of metrics in an expression of PromQL or a page. */
function metricsIn(text: string): string[] {
  return [...text.matchAll(/\b(?:narthex|nodejs|process)_[a-z0-9_]+\b/g)].map(([name]) => name);
}

/** Runs promtool with `input`; returns its exit code and all that it prints. */
function promtool(args: readonly string[], input = ''): Promise<{ code: number | null; output: string }> {
  const child = spawn(programs.promtool, args, { cwd: files });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.on('error', () => {}).end(input);
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('close', (code) => resolve({ code, output })),
  );
}

describe('alerts', () => {
  it('are at least ten, each with severity, summary and runbook', () => {
    expect(rules.length).toBeGreaterThanOrEqual(10);
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(annotations.summary).toBeTruthy();
      expect(annotations.runbook).toBe(`docs/runbooks.md#${alert.toLowerCase()}`);
    }
  });

  it('have a runbook each, in their order', () => {
    const sections = [...read('docs/runbooks.md').matchAll(/^## (\S+)\n\n(\S)/gm)].map(([, name]) => name);
    expect(sections).toEqual(rules.map(({ alert }) => alert));
  });

  it('have a unit test each', () => {
    const { tests } = parse(readFileSync(join(files, 'rules.test.yaml'), 'utf8')) as RuleTests;
    expect(tests.map(({ name }) => name)).toEqual(rules.map(({ alert }) => alert));
  });

  it('ask only for metrics and labels that exist', async () => {
    const known = await samples();
    for (const { expr } of rules) {
      const names = metricsIn(expr);
      expect(names.length).toBeGreaterThan(0);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
      const labels = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
      const possible = new Set(['job', 'instance', ...names.flatMap((name) => known.get(name)!)]);
      expect(labels.filter((label) => !possible.has(label))).toEqual([]);
    }
  });
});

describe('the dashboard', () => {
  it('has eight panels or more, each with a title and an explanation', () => {
    expect(dashboard.panels.length).toBeGreaterThanOrEqual(8);
    for (const { title, description, targets } of dashboard.panels)
      expect([title, description, targets.length > 0].every(Boolean)).toBe(true);
    expect(new Set(dashboard.panels.map(({ title }) => title)).size).toBe(dashboard.panels.length);
  });

  it('asks only for metrics, and shows only labels, that exist', async () => {
    const known = await samples();
    for (const { expr, legendFormat } of dashboard.panels.flatMap(({ targets }) => targets)) {
      const names = metricsIn(expr);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
      const possible = new Set(['job', 'instance', ...names.flatMap((name) => known.get(name)!)]);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      expect(shown.filter((label) => !possible.has(label))).toEqual([]);
    }
  });
});

it('documents name only metrics that exist', async () => {
  const known = await samples();
  const bases = new Set([...known.keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/, '')));
  const pages = [
    'METRICS.md',
    ...readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const unknown = pages.flatMap((page) =>
    metricsIn(read(page))
      .filter((name) => name.startsWith('narthex_') && !known.has(name) && !bases.has(name))
      .map((name) => `${page}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

describeWithPeers(['promtool'], 'promtool', () => {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-rules-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('accepts the alerts', async () => {
    expect(await promtool(['check', 'rules', 'rules.yaml'])).toMatchObject({ code: 0 });
  });

  it('sees each alert quiet, and then firing', async () => {
    expect(await promtool(['test', 'rules', 'rules.test.yaml'])).toMatchObject({ code: 0 });
  }, 120_000);

  it('sees an alert fail its test when its threshold is wrong', async () => {
    const wrong = readFileSync(join(files, 'rules.yaml'), 'utf8').replace(
      'narthex_overloaded == 1',
      'narthex_overloaded == 2',
    );
    writeFileSync(join(folder, 'rules.yaml'), wrong);
    const { tests, ...rest } = parse(readFileSync(join(files, 'rules.test.yaml'), 'utf8')) as RuleTests;
    const own = tests.filter(({ name }) => name === 'NarthexOverloaded');
    writeFileSync(join(folder, 'rules.test.yaml'), JSON.stringify({ ...rest, tests: own }));
    const { code, output } = await promtool(['test', 'rules', join(folder, 'rules.test.yaml')]);
    expect([code, output.includes('NarthexOverloaded')]).toEqual([1, true]);
  }, 120_000);

  it('understands every expression of the dashboard', async () => {
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const recorded = expressions.map((expr, index) => ({ record: `panel_${index}`, expr }));
    writeFileSync(
      join(folder, 'panels.yaml'),
      JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }),
    );
    expect(await promtool(['check', 'rules', join(folder, 'panels.yaml')])).toMatchObject({ code: 0 });
  });

  it('finds nothing in /metrics but three names that prom-client chose', async () => {
    const text = await createMetrics({ version: '1', processMetrics: true }).text();
    const { output } = await promtool(['check', 'metrics'], text);
    const found = output
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]!);
    expect(found.toSorted()).toEqual([
      'nodejs_active_handles_total',
      'nodejs_active_requests_total',
      'nodejs_active_resources_total',
    ]);
  });
});
