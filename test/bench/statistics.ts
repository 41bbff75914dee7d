/** Statistics of the bench: medians with their quartiles, and ratios of rounds that were measured one after another. */

/** A median and the quartiles around it. */
export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
  /** Values it was taken from. */
  readonly count: number;
}

/** The value below which a `part` of all values lies, linearly interpolated between neighbours.
 *  @throws RangeError without values. */
export function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = values.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * part;
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @throws RangeError without values. */
export function spreadOf(values: readonly number[]): Spread {
  return {
    median: median(values),
    lower: quantile(values, 0.25),
    upper: quantile(values, 0.75),
    count: values.length,
  };
}

/** What one contender did in one round of a load that the bench generates. */
export interface RoundSample {
  /** CPU microseconds of the contender per round trip. */
  readonly cost: number;
  /** Events per iteration of its event loop; undefined where the program has no libuv. */
  readonly eventsPerLoop: number | undefined;
  /** CPU time over elapsed time, of the contender and of the load generator. */
  readonly busy: number;
  readonly loadBusy: number;
  /** Time for which the contender was ready and something else had its processor, over elapsed time. */
  readonly waiting: number;
  /** Round trips done over round trips asked for, at a fixed rate; 1 when saturated. */
  readonly reached: number;
}

/** How far two samples of one round may differ and still be compared. */
export interface ComparableBounds {
  /** Events per loop iteration, the greater over the less: another batch size is another cost per event. */
  readonly eventsPerLoopRatioMax: number;
  /** Difference of the contenders' utilisation; Infinity at a fixed rate, where the cost decides it. */
  readonly busyDifferenceMax: number;
  /** Most `waiting`: a contender that is interrupted finds more events when it goes on, and cold caches. */
  readonly waitingMax: number;
  /** Least `reached`. */
  readonly reachedMin: number;
}

/** Ratios of costs, round by round, and how many rounds were left out because the two did not run alike. */
export interface PairedRatios {
  readonly ratios: readonly number[];
  readonly discarded: number;
}

/** Divides the cost of each round by the yardstick's cost in the same round.
 *  @throws RangeError when the numbers of rounds differ. */
export function pairRounds(
  contender: readonly RoundSample[],
  yardstick: readonly RoundSample[],
  bounds: ComparableBounds,
): PairedRatios {
  if (contender.length !== yardstick.length) throw new RangeError('rounds without a partner');
  const ratios: number[] = [];
  for (const [round, sample] of contender.entries()) {
    const other = yardstick[round]!;
    if (comparable(sample, other, bounds)) ratios.push(sample.cost / other.cost);
  }
  return { ratios, discarded: contender.length - ratios.length };
}

function comparable(one: RoundSample, other: RoundSample, bounds: ComparableBounds): boolean {
  if (Math.abs(one.busy - other.busy) > bounds.busyDifferenceMax) return false;
  if (Math.max(one.waiting, other.waiting) > bounds.waitingMax) return false;
  if (Math.min(one.reached, other.reached) < bounds.reachedMin) return false;
  if (one.eventsPerLoop === undefined || other.eventsPerLoop === undefined) return true;
  const quotient = one.eventsPerLoop / other.eventsPerLoop;
  return Math.max(quotient, 1 / quotient) <= bounds.eventsPerLoopRatioMax;
}
