/** How the in-process rows are timed. */

/** A way of doing the same work; answers something that depends on it, so that it cannot be optimised away. */
export type Contender = () => number;

export interface Timing {
  /** Median nanoseconds of one call, by contender. */
  readonly nanoseconds: readonly number[];
  readonly rounds: number;
}

const roundMs = 25;

/** Times contenders against each other in interleaved rounds, so that a machine that slows down slows them all. */
export function compare(contenders: readonly Contender[], rounds = 11): Timing {
  const calls = contenders.map((contender) => callsPerRound(contender));
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1)
    contenders.forEach((contender, i) => samples[i]!.push(time(contender, calls[i]!) / calls[i]!));
  return { nanoseconds: samples.map(median), rounds };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Warms up, then finds how many calls fill a round. */
function callsPerRound(contender: Contender): number {
  let calls = 1;
  for (let spent = 0; ; calls *= 2) {
    spent = time(contender, calls) / 1e6;
    if (spent >= roundMs) return Math.max(1, Math.round((calls * roundMs) / spent));
  }
}

/** Nanoseconds that `calls` take. Garbage of earlier rounds is collected before, not during. */
function time(contender: Contender, calls: number): number {
  globalThis.gc?.();
  let sum = 0;
  const from = process.hrtime.bigint();
  for (let i = 0; i < calls; i += 1) sum += contender();
  const spent = Number(process.hrtime.bigint() - from);
  if (!Number.isFinite(sum)) throw new RangeError('a contender answered nothing');
  return spent;
}
