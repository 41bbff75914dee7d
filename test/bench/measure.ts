/** How the in-process rows are timed. */

/** A way of doing the same work; answers something that depends on it, so that it cannot be optimised away. */
export type Contender = () => number;

export interface Timing {
  /** Median nanoseconds of CPU time of one call, by contender. */
  readonly nanoseconds: readonly number[];
  readonly rounds: number;
}

const roundMs = 25;
const warmUpMs = 400;

/** Times contenders against each other in interleaved rounds, so that a machine that slows down slows them all. */
export function compare(contenders: readonly Contender[], rounds = 11): Timing {
  globalThis.gc?.();
  const calls = contenders.map((contender) => callsPerRound(contender));
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1)
    contenders.forEach((contender, i) => samples[i]!.push(time(contender, calls[i]!) / calls[i]!));
  return { nanoseconds: samples.map(median), rounds };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Warms up until the compiler has done its best, then finds how many calls fill a round. */
function callsPerRound(contender: Contender): number {
  for (let spent = 0; spent < warmUpMs;) spent += time(contender, 8) / 1e6;
  for (let calls = 1; ; calls *= 2) {
    const spent = time(contender, calls) / 1e6;
    if (spent >= roundMs / 2) return Math.max(1, Math.round((calls * roundMs) / spent));
  }
}

/** Nanoseconds of CPU time, of all threads, that `calls` take: the garbage a contender makes is its own cost, and
 *  a busy machine is nobody's. */
function time(contender: Contender, calls: number): number {
  let sum = 0;
  const from = process.cpuUsage();
  for (let i = 0; i < calls; i += 1) sum += contender();
  const { user, system } = process.cpuUsage(from);
  if (!Number.isFinite(sum)) throw new RangeError('a contender answered nothing');
  return (user + system) * 1e3;
}
