/** Runs the whole suite many times, its files in another order each time, and names every test that failed. A test that
 *  fails once in ten runs is a defect of the test or of the product. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const root = new URL('../..', import.meta.url).pathname;

/** The part of the runner's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

/** How often each test failed, by file and name, with the first line of its first failure. */
type Failures = Map<string, { times: number; readonly first: string }>;

/** What of a suite is run, and how; by default all of it. */
export interface SuitePart {
  readonly files?: readonly string[];
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the suite that the runner's configuration at `config` describes, `count` times.
 *  The seed orders the files: round n of seed s is `vitest --sequence.shuffle.files --sequence.seed s+n`.
 */
export async function runSuites(
  config: string,
  { count, seed, progress }: LongRunRequest,
  part: SuitePart = {},
): Promise<LongRunResult> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-suite-'));
  const failures: Failures = new Map();
  const seconds: number[] = [];
  let passed = 0;
  try {
    for (let round = 0; round < count; round += 1) {
      const started = performance.now();
      const report = await runSuite(config, seed + round, join(folder, `${round}.json`), part);
      passed += report.numPassedTests;
      for (const [test, message] of failedTests(report, seed + round)) note(failures, test, message);
      seconds.push((performance.now() - started) / 1_000);
      progress(round + 1);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    figures: {
      'tests passed': passed,
      'seconds per suite': seconds.map((each) => each.toFixed(0)).join(' '),
    },
    failures: [...failures].map(([test, { times, first }]) => `${times} of ${count}: ${test}: ${first}`),
  };
}

function note(failures: Failures, test: string, message: string): void {
  const known = failures.get(test);
  if (known === undefined) failures.set(test, { times: 1, first: message.split('\n')[0]! });
  else known.times += 1;
}

/** Runs the suite once. What the runner prints to a person is not shown.
 *  @throws Error when it wrote no report, with the end of what it printed */
async function runSuite(
  config: string,
  seed: number,
  outputFile: string,
  { files = [], environment = {} }: SuitePart,
): Promise<Report> {
  const runner = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config',
      config,
      '--reporter=json',
      `--outputFile=${outputFile}`,
      '--sequence.shuffle.files',
      `--sequence.seed=${seed}`,
      ...files,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, VITEST: undefined },
    },
  );
  let printed = '';
  for (const output of [runner.stdout, runner.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-2_000);
    });
  }
  await new Promise((resolve, reject) => runner.on('error', reject).on('close', resolve));
  try {
    return JSON.parse(await readFile(outputFile, 'utf8')) as Report;
  } catch (cause) {
    throw new Error(`the runner wrote no report; it printed: ${printed}`, { cause });
  }
}

/** Every test that failed, as file and name, with its message. A run that failed without a failed test (an unhandled
 *  rejection between two tests) counts as a failure of the run. */
function failedTests({ testResults, success }: Report, seed: number): [string, string][] {
  const failed = testResults.flatMap(({ name, status, message, assertionResults }): [string, string][] => {
    const file = relative(root, name);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    // A file that cannot be loaded fails without a test.
    if (status === 'failed' && tests.length === 0) return [[file, message]];
    return tests.map(({ fullName, failureMessages }) => [
      `${file} > ${fullName}`,
      failureMessages?.[0] ?? '',
    ]);
  });
  if (failed.length === 0 && !success) return [['the run', `failed outside of every test, seed ${seed}`]];
  return failed;
}

/** A long run of some files of the suite. `part.environment` says to them that it is one. */
export function runOfFiles(words: Pick<LongRun, 'name' | 'summary' | 'unit'>, part: SuitePart): LongRun {
  return { ...words, count: 1, run: (request) => runSuites(suiteConfig, request, part) };
}

export const suiteConfig = join(root, 'test/vitest.config.ts');

export const longRun: LongRun = {
  name: 'suite',
  summary: 'the whole test suite again and again, its files in another order each time',
  unit: 'suites',
  count: 10,
  run: (request) => runSuites(suiteConfig, request),
};
