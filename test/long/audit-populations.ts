/** Audits of populations whose entropy is known, as streams of real stanzas through the real stages. */
import { openCatalogue, openPolicyFiles } from '../../src/app/files/policies.ts';
import { auditRecordings } from '../../src/app/tools/audit.ts';
import type { Estimate } from '../../src/audit/entropy.ts';
import type { Figures } from '../../src/audit/figures.ts';
import { drawing, entropyOf, minEntropyOf, populations } from '../support/populations.ts';
import { Random } from '../support/random.ts';
import { clientStream, presenceWithNick } from '../support/recorded-clients.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { LongRun } from './long-run.ts';

/** Share of the runs in which a 95 % interval has to hold. */
const heldMin = 0.93;
/** Fewest runs of which that is asked. */
const runsMin = 100;

const catalogue = openCatalogue();
const policies = ['passthrough', 'strict'].map((name) => ({
  policy: openPolicyFiles(name).policy,
  digest: '',
}));

export const longRun: LongRun = {
  name: 'audit-populations',
  summary: 'audits of streams of clients whose entropy is known: how often the intervals hold',
  unit: 'populations',
  count: 400,
  async run({ count, seed, progress }) {
    const held = { shannon: 0, min: 0 };
    const failures: string[] = [];
    let farthest = 0;
    let near = 0;
    for (let index = 0; index < count; index += 1) {
      progress(index);
      const random = new Random(seed * 1_000_003 + index);
      const name = random.pick(Object.keys(populations));
      const outcomes = 10 + random.below(90);
      const population = populations[name]!(outcomes);
      const truth = entropyOf(population);
      // From a third of a client to thirty clients for each value that is in use.
      const clients = Math.round(2 ** truth * random.pick([0.5, 1, 3, 30])) + 10;
      const { received, hidden } = await audit(drawn(population, clients, random));
      held.shannon += Number(holds(received.shannon, truth));
      held.min += Number(holds(received.min, minEntropyOf(population)));
      if (hidden.shannon.value !== 0)
        failures.push(`${name} of ${outcomes}: strict left ${hidden.shannon.value} bits`);
      if (clients < 30 * outcomes) continue;
      near += 1;
      const distance = Math.abs(received.shannon.value - truth) / truth;
      farthest = Math.max(farthest, distance);
      if (distance > 0.05) failures.push(`${name} of ${outcomes}, ${clients} clients: ${distance} off`);
    }
    for (const [which, times] of Object.entries(held))
      if (count >= runsMin && times < heldMin * count)
        failures.push(`the interval of ${which} held in ${times} of ${count}`);
    return {
      figures: {
        'intervals of the Shannon entropy that held': `${held.shannon} of ${count}`,
        'intervals of the min-entropy that held': `${held.min} of ${count}`,
        'farthest from the truth with thirty clients for each value': `${(100 * farthest).toFixed(1)} % of ${near}`,
      },
      failures,
    };
  },
};

function drawn(population: readonly number[], clients: number, random: Random): string {
  const draw = drawing(population, random);
  return Array.from({ length: clients }, (_, client) =>
    clientStream(client, presenceWithNick(`nick ${draw()}`)),
  ).join('');
}

function holds({ interval }: Estimate, truth: number): boolean {
  return interval !== undefined && interval.low <= truth + 1e-9 && truth - 1e-9 <= interval.high;
}

async function audit(recording: string): Promise<{ readonly received: Figures; readonly hidden: Figures }> {
  await using folder = await temporaryFolder();
  const { audiences } = await auditRecordings({
    files: [await folder.write('clients.xml', recording)],
    catalogue,
    policies,
    direction: 'to-gatekeeper',
    clock: () => 0,
    progress: () => {},
  });
  const row = audiences
    .find(({ audience }) => audience === 'gatekeeper')!
    .fields.find(({ field, aspect }) => field === 'presence.nick' && aspect === 'value')!;
  return { received: row.showings[0]!.figures, hidden: row.showings.at(-1)!.figures };
}
