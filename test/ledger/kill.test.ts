/** A short run of the kills (test/long/ledger-kill.ts). */
import { expect, it } from 'vitest';
import { longRun } from '../long/ledger-kill.ts';

it('a killed process loses nothing that was on disk', { timeout: 120_000 }, async () => {
  const { figures, failures } = await longRun.run({ count: 10, seed: 14, progress: () => {} });
  expect(failures).toEqual([]);
  expect(figures['kills']).toBe(10);
  expect(figures['records read']).toBeGreaterThan(50);
});
