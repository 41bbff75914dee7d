/** How the in-process rows are timed: short rounds that take turns. */
import { spreadOf, type Spread } from './statistics.ts';

/** Does a piece of work once; answers something that depends on it, so that it cannot be optimised away. */
export type Work = () => number;

/** Nanoseconds of CPU time of one call, by round. */
export type Samples = readonly number[];

const roundMs = 8;
/** Warming up ends when so many blocks have not been faster than the fastest before them by this part. */
const warmUp = { blockMs: 50, blocksMax: 60, steadyBlocks: 6, gain: 0.03 };
export const roundsByDefault = 31;

/** Times pieces of work in rounds that take turns, in alternating order, so that a machine that slows down slows them
 *  all.
 *  @returns the samples of each, in order. */
export function timeInTurns(works: readonly Work[], rounds = roundsByDefault): Samples[] {
  globalThis.gc?.();
  const turns = works.map((work) => ({ work, calls: callsPerRound(work), samples: [] as number[] }));
  for (let round = 0; round < rounds; round += 1)
    for (const turn of round % 2 === 0 ? turns : turns.toReversed())
      turn.samples.push(time(turn.work, turn.calls) / turn.calls);
  return turns.map(({ samples }) => samples);
}

/** Combines samples of the same rounds. */
export function byRound(combine: (...values: number[]) => number, ...samples: readonly Samples[]): Samples {
  return samples[0]!.map((_, round) => combine(...samples.map((each) => each[round]!)));
}

/** Ratios of the same rounds. */
export function ratioOf(samples: Samples, yardstick: Samples): Spread {
  return spreadOf(byRound((one, other) => one / other, samples, yardstick));
}

/** Finds how many calls fill a round, and warms up until the compiler, which works on another thread and may have to
 *  wait for a processor, has nothing more to give. */
function callsPerRound(work: Work): number {
  let calls = 1;
  const milliseconds = (): number => time(work, calls) / 1e6;
  while (milliseconds() < warmUp.blockMs / 2) calls *= 2;
  let fastest = Infinity;
  for (let block = 0, steady = 0; block < warmUp.blocksMax && steady < warmUp.steadyBlocks; block += 1) {
    const spent = milliseconds();
    steady = spent > fastest * (1 - warmUp.gain) ? steady + 1 : 0;
    fastest = Math.min(fastest, spent);
  }
  return Math.max(1, Math.round((calls * roundMs) / fastest));
}

/** Nanoseconds of CPU time, of all threads, that `calls` take: collecting the garbage of a piece of work is its own
 *  cost, and what other processes do is none. */
function time(work: Work, calls: number): number {
  let sum = 0;
  const from = process.cpuUsage();
  for (let i = 0; i < calls; i += 1) sum += work();
  const { user, system } = process.cpuUsage(from);
  if (!Number.isFinite(sum)) throw new RangeError('a piece of work answered nothing');
  return (user + system) * 1e3;
}
