/** Rollouts under load with real servers: the table of docs/draining.md. A round is every case once. */
import { rolloutCases, problemsOf } from '../interop/rollout/cases.ts';
import { runRollout, type RolloutCounts } from '../interop/rollout/rollout.ts';
import type { LongRun } from './long-run.ts';

export const longRun: LongRun = {
  name: 'rollout',
  summary: 'two replicas replaced under load, with and without a store, killed, with Prosody and ejabberd',
  unit: 'rounds of 20 clients',
  count: 1,
  async run({ count, seed, progress }) {
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    const only = process.env['NARTHEX_ROLLOUT_CASE'];
    for (let round = 0; round < count; round += 1) {
      for (const each of rolloutCases) {
        if (only !== undefined && !each.name.includes(only)) continue;
        const name = count === 1 ? each.name : `${each.name} (${round + 1})`;
        try {
          const counts = await runRollout(each, {
            clients: 20,
            messageMs: 400,
            drainMs: 8_000,
            drainSpreadMs: 5_000,
            seed: seed + round,
          });
          figures[name] = inWords(counts);
          failures.push(...problemsOf(each, counts).map((problem) => `${name}: ${problem}`));
        } catch (error) {
          failures.push(`${name}: ${String(error)}`);
        }
        console.log(`  ${name}: ${figures[name] ?? failures.at(-1)}`);
      }
      progress(round + 1);
    }
    return { figures, failures };
  },
};

function inWords(counts: RolloutCounts): string {
  const { resumed, newSessions, lost, acknowledged, returned, duplicates, duplicatesOfResumed } = counts;
  return [
    `resumed ${resumed} of ${resumed + newSessions}`,
    `lost ${lost} of ${acknowledged}`,
    `returned ${returned}`,
    `duplicates ${duplicates}`,
    `of the resumed ${duplicatesOfResumed}`,
    `unacknowledged ${counts.unacknowledged}`,
  ].join(', ');
}
