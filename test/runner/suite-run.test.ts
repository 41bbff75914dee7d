import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { runSuites } from '../long/suite.ts';
import { temporaryFolder } from '../support/temporary.ts';

afterEach(() => void vi.unstubAllEnvs());

const config = join(import.meta.dirname, 'fixtures/vitest.config.ts');

it('names a test that fails once in two runs, and how often it failed', async () => {
  await using folder = await temporaryFolder();
  vi.stubEnv('NARTHEX_FLAKY_MARK', join(folder.path, 'ran'));
  const rounds: number[] = [];
  const { figures, failures } = await runSuites(config, {
    count: 2,
    seed: 1,
    progress: (done) => rounds.push(done),
  });
  expect(rounds).toEqual([1, 2]);
  expect(figures['tests passed']).toBe(3);
  expect(failures).toEqual([
    expect.stringContaining(
      '1 of 2: test/runner/fixtures/flaky.test.ts > passes the first time: AssertionError',
    ),
  ]);
});
