import { accuracyOf, chanceMax, type Sample } from '../session/timing/classifier.ts';
import { closeBy, farApart } from '../session/timing/latency.ts';
import { Random } from '../support/random.ts';
import { startDevices } from '../system/timing/devices.ts';
import type { LongRun } from './long-run.ts';

const devices = 60;
const probes = 300;
/** Between two probes of one device, in milliseconds. */
const betweenMs = 200;

/** Half of the decisions are learned from, half are judged. Without a defence a tenth is enough. */
export const longRun: LongRun = {
  name: 'timing-devices',
  summary:
    'the published attack on receipts in real time: @xmpp/client through a running proxy, 300 probes a decision',
  unit: 'decisions',
  count: 240,
  async run({ count, seed, progress }) {
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    const random = new Random(seed);
    let done = 0;
    for (const [policy, decisions] of [
      ['passthrough', count / 10],
      ['balanced', count],
    ] as const)
      for (const states of [farApart, closeBy]) {
        const rounds = Math.ceil(decisions / devices);
        const running = await startDevices({ policy, devices });
        const samples: Sample[] = [];
        for (let round = 0; round < rounds; round += 1) {
          samples.push(...(await running.observe(states, probes, betweenMs, random)));
          progress((done += devices));
        }
        await running.close();
        // Alternately, since the load of the machine changes from round to round.
        const learned = samples.filter((_, index) => index % 2 === 0);
        const judged = samples.filter((_, index) => index % 2 === 1);
        const accuracy = accuracyOf(learned, judged, probes);
        figures[`${policy}, ${states.name}`] = `${accuracy.toFixed(3)} of ${judged.length} decisions`;
        if (policy === 'balanced' && accuracy > chanceMax(judged.length))
          failures.push(`${policy}, ${states.name}: ${accuracy.toFixed(3)}`);
      }
    return { figures, failures };
  },
};
