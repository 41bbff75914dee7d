/** Prints where a run spent its time and what it skipped, above the runner's own closing lines. A suite is a folder
 *  under test/. Seconds are those of its files added up: suites that run side by side exceed the wall clock. */
import type { Reporter, TestModule } from 'vitest/node';

/** What one test file did. */
export interface FileFigures {
  /** Path from the root of the repository: `test/stream/scanner.test.ts`. */
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Time of its worker, loading included. */
  readonly seconds: number;
}

/** The files of one folder under test/, added up. */
export interface SuiteFigures extends Omit<FileFigures, 'file'> {
  readonly suite: string;
  readonly files: number;
}

const slowestShown = 10;

/** `test/stream/hostile/tags.test.ts` is of the suite `stream`; a file directly in test/ is its own. */
function suiteOf(file: string): string {
  return file.split('/')[1] ?? file;
}

/** Adds up the files of each suite. The suite that took most time comes first. */
export function bySuite(files: readonly FileFigures[]): SuiteFigures[] {
  const suites = Map.groupBy(files, ({ file }) => suiteOf(file));
  const total = (
    members: readonly FileFigures[],
    figure: 'passed' | 'failed' | 'skipped' | 'seconds',
  ): number => members.reduce((sum, member) => sum + member[figure], 0);
  return [...suites]
    .map(([suite, members]) => ({
      suite,
      files: members.length,
      passed: total(members, 'passed'),
      failed: total(members, 'failed'),
      skipped: total(members, 'skipped'),
      seconds: total(members, 'seconds'),
    }))
    .toSorted((a, b) => b.seconds - a.seconds);
}

/** A table of suites and a list of the slowest files, as text with a line feed at the end. */
export function renderFigures(files: readonly FileFigures[]): string {
  const columns = ['suite', 'files', 'passed', 'failed', 'skipped', 'seconds'] as const;
  const rows = bySuite(files).map((suite) => ({ ...suite, seconds: suite.seconds.toFixed(1) }));
  const line = (cells: readonly (string | number)[]): string =>
    ` ${cells.map((cell, at) => (at === 0 ? String(cell).padEnd(22) : String(cell).padStart(9))).join('')}`;
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, slowestShown);
  return [
    line(columns),
    ...rows.map((row) => line(columns.map((column) => row[column]))),
    '',
    ' slowest files, in seconds',
    ...slowest.map(({ file, seconds }) => ` ${seconds.toFixed(1).padStart(8)}  ${file}`),
    '',
  ].join('\n');
}

function figuresOf(module: TestModule): FileFigures {
  const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
  for (const test of module.children.allTests()) counts[test.result().state] += 1;
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } =
    module.diagnostic();
  return {
    file: module.relativeModuleId,
    passed: counts.passed,
    // A file that cannot be loaded has no tests and is a failure all the same.
    failed: counts.failed + module.errors().length,
    skipped: counts.skipped + counts.pending,
    seconds:
      (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1_000,
  };
}

/** Each reason why tests were skipped, once: a peer that is not installed. */
function skipNotices(modules: readonly TestModule[]): string[] {
  const notices = modules.flatMap((module) =>
    [...module.children.allTests('skipped')]
      .map(({ name }) => name)
      .filter((name) => name.startsWith('skipped: ')),
  );
  return [...new Set(notices)];
}

/** Prints nothing for a run of a single suite: the runner's own lines say it all. */
export class SuiteReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map(figuresOf);
    if (bySuite(files).length < 2) return;
    process.stdout.write(`\n${renderFigures(files)}`);
    for (const notice of skipNotices(modules)) process.stdout.write(` ${notice}\n`);
  }
}
