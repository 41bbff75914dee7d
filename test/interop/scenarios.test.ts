/** Our scenarios, played straight at Prosody 13 and through the proxy. docs/scenarios.md keeps which are lost under which
 *  policy, by which rules; `UPDATE_GOLDEN=1` finds them and writes the page. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import { prosody13 } from '../peers/servers.ts';
import { readFolder, type NamedScript } from '../scansion/folder.ts';
import { readKept, summaryOf, writeKept, type KeptLoss } from '../scansion/kept.ts';
import { columns, explainLosses, lossesOf, playAll } from '../scansion/losses.ts';
import { wordsOf } from '../scansion/rules.ts';
import { oneServer, type Venue } from '../scansion/venue.ts';
import { inTurns } from '../support/in-turns.ts';
import { Random } from '../support/random.ts';

const writes = process.env['UPDATE_GOLDEN'] === '1';
const scripts = readFolder(new URL('scenarios', import.meta.url).pathname);
/** How many scripts are played at once. Those that are lost wait most of the time. */
const atOnce = 4;
const timeoutMs = 900_000;
const seed = Number(process.env['NARTHEX_FUZZ_SEED'] ?? 1);
/** Of how many losses the rules are tried, of those drawn by the seed. */
const tried = 12;

const open = (scripts: readonly NamedScript[], takes: number): Promise<Venue> =>
  oneServer(prosody13, scripts, takes);

function draw(losses: readonly KeptLoss[]): KeptLoss[] {
  const random = new Random(seed);
  const left = [...losses];
  return Array.from({ length: tried }, () => left.splice(random.below(left.length), 1)[0]!);
}

const nameOf = (script: string, policy: string): string => `${script} under ${policy}`;

describeWithPeers(prosody13.needs, 'our scenarios', () => {
  let venue: Venue;
  beforeAll(async () => {
    // Each twice, and twice more without rules.
    venue = await open(scripts, 2 * columns.length + 2);
  });
  afterAll(() => venue.close());

  it(
    'pass straight at the server and under passthrough, and elsewhere but for those that the page has',
    async () => {
      const before = readKept().losses;
      const isLost = (script: NamedScript, column: string): boolean =>
        before.some((loss) => loss.script === script.name && loss.policy === column);
      const rows = await playAll(venue, scripts, columns, atOnce, isLost);
      const losses = lossesOf(rows);
      const reasons = rows.flatMap(({ script, failures }) =>
        [...failures].map(([column, failure]) => `${nameOf(script.name, column)}: ${failure?.reason}`),
      );
      if (writes) writeKept(scripts.length, await explainLosses(open, losses, atOnce));
      const kept = readKept();
      expect(
        losses.map(({ script, policy }) => nameOf(script.name, policy)),
        reasons.join('\n'),
      ).toEqual(kept.losses.map(({ script, policy }) => nameOf(script, policy)));
      expect(rows.filter(({ failures }) => failures.get('direct') !== undefined)).toEqual([]);
      expect(kept.summary).toBe(summaryOf(scripts.length, kept.losses));
    },
    timeoutMs,
  );

  it.skipIf(writes)(
    `pass without the rules that the page has, seed ${seed}`,
    async () => {
      const failed = await inTurns(
        draw(readKept().losses),
        atOnce,
        async ({ script: name, policy, rules }) => {
          const script = scripts.find((each) => each.name === name)!;
          const { failure } = await venue.play({ script, policy, kept: rules });
          const without = `${nameOf(name, policy)} without ${rules.map(wordsOf).join(', ')}`;
          return failure === undefined ? [] : [`${without}: ${failure.reason}`];
        },
      );
      expect(failed.flat()).toEqual([]);
    },
    timeoutMs,
  );
});
