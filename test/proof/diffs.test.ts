/** A short run of test/long/policy-diff.ts, and that a wrong answer of the command would be found. */
import { expect, it } from 'vitest';
import { longRun } from '../long/policy-diff.ts';
import { Random } from '../support/random.ts';
import { readCatalogue } from '../reference/catalogue.ts';
import { generatePair, rowsOf } from './diffs.ts';

it('policy diff says what comparing field by field says', { timeout: 120_000 }, async () => {
  const { figures, failures } = await longRun.run({ count: 60, seed: 20_261_129, progress: () => {} });
  expect(failures).toEqual([]);
  expect(Number(figures['rows of every tenth pair'])).toBeGreaterThan(60);
});

it('the pairs differ, in plain rules and under exceptions', { timeout: 120_000 }, () => {
  const catalogue = readCatalogue();
  const pairs = Array.from({ length: 10 }, (_, seed) =>
    generatePair({ catalogue, random: new Random(seed) }),
  );
  expect(pairs.filter(([before, after]) => rowsOf(before, after) > 0).length).toBeGreaterThan(6);
  expect(pairs.some(([, after]) => (after['generated']!.spec.exceptions ?? []).length > 0)).toBe(true);
});
