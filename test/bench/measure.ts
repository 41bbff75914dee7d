/** How the in-process rows are timed: short rounds that take turns. */
import { spreadOf, type Spread } from './statistics.ts';

/** Does a piece of work once; answers something that depends on it, so that it cannot be optimised away. */
export type Work = () => number;

/** Nanoseconds of CPU time of one call, by round. */
export type Samples = readonly number[];

const roundMs = 8;
const warmUpMs = 300;
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

/** Warms up until the compiler has done its best, then finds how many calls fill a round. */
function callsPerRound(work: Work): number {
  for (let spent = 0; spent < warmUpMs;) spent += time(work, 8) / 1e6;
  for (let calls = 1; ; calls *= 2) {
    const spent = time(work, calls) / 1e6;
    if (spent >= roundMs / 2) return Math.max(1, Math.round((calls * roundMs) / spent));
  }
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
