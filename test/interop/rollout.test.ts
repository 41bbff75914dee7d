/** A small rollout with real servers: nothing acknowledged is lost, and nothing comes twice. The whole table is in
 *  docs/draining.md; `npm run long -- rollout` repeats it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import { problemsOf, rolloutCases } from './rollout/cases.ts';
import { runRollout, type RolloutCounts } from './rollout/rollout.ts';

const options = { clients: 4, messageMs: 150, drainMs: 3_000, drainSpreadMs: 1_500, seed: 1 };

describeWithPeers(['prosody', 'haproxy', 'redis'], 'a rollout with Prosody', () => {
  it.each(['store, Prosody 0.12', 'no store, Prosody 0.12'])(
    '%s',
    async (name) => {
      const found = rolloutCases.find((each) => each.name === name)!;
      const counts = await runRollout(found, options);
      expect(problemsOf(found, counts)).toEqual([]);
      expect(counts.acknowledged).toBeGreaterThan(10);
    },
    300_000,
  );
});

it('docs/draining.md has a row for each case', () => {
  const page = readFileSync(new URL('../../docs/draining.md', import.meta.url), 'utf8');
  const table = page.split('<!-- rollouts -->')[1]!.split('<!-- end of rollouts -->')[0]!;
  const names = [...table.matchAll(/^\| ([^|]+?) +\| \d+ of/gm)].map(([, name]) => name);
  expect(names).toEqual(rolloutCases.map(({ name }) => name));
});

describe('what must hold in a case', () => {
  const [handedOver] = rolloutCases;
  const good: RolloutCounts = {
    clients: 4,
    resumed: 6,
    newSessions: 0,
    acknowledged: 100,
    lost: 0,
    returned: 0,
    duplicates: 0,
    duplicatesOfResumed: 0,
    unacknowledged: 0,
    missing: [],
  };

  it.each([
    ['nothing', {}, 0],
    ['a lost message', { lost: 1 }, 1],
    ['a returned message', { returned: 1 }, 1],
    ['a message that came twice', { duplicates: 1, duplicatesOfResumed: 1 }, 1],
    ['a message that was not acknowledged', { unacknowledged: 1 }, 1],
    ['a new session', { resumed: 5, newSessions: 1 }, 1],
    ['no reconnection', { resumed: 0 }, 1],
  ])('notices %s', (_, change, problems) => {
    expect(problemsOf(handedOver!, { ...good, ...change })).toHaveLength(problems);
  });
});
