import { expect, it } from 'vitest';
import { runReloads } from '../long/reloads.ts';

it('no mutated file ends the proxy or a session, and each refusal names its place (full run: npm run long -- reloads)', async () => {
  const { failures, figures } = await runReloads({ count: 60, seed: 11, progress: () => {} });
  expect(failures).toEqual([]);
  expect(figures['sessions alive']).toBe(4);
  // Most mutations break their file: a run in which few do would show little.
  expect(Number(figures['error codes seen'])).toBeGreaterThan(10);
});
