/** A part of `npm run long -- without-fast-paths`. */
import { expect, it } from 'vitest';
import { runWithoutFastPaths } from '../long/without-fast-paths.ts';

const request = { count: 1, seed: 1, progress: (): void => {} };

it('streams are read as with the fast paths of reading, and nothing leaks', async () => {
  const files = ['test/stream/scanner.test.ts', 'test/policy/leaks'];
  const { failures, figures } = await runWithoutFastPaths(request, files);
  expect(failures).toEqual([]);
  expect(Number(figures['tests passed'])).toBeGreaterThan(50);
}, 300_000);

it('they are switched off: the tests of the fast path itself fail', async () => {
  const { failures } = await runWithoutFastPaths(request, ['test/stream/plain-stanza']);
  expect(failures.length).toBeGreaterThan(0);
}, 300_000);
