/** How often outcomes were seen: the input of every estimate. Only the counts matter, not what was counted. */

/** Counts of outcomes by how often each was seen. */
export interface Frequencies {
  /** Number of observations. */
  readonly total: number;
  /** Number of different outcomes. */
  readonly distinct: number;
  /** Pairs of a count, ascending, and the number of outcomes that were seen so often. */
  readonly classes: readonly (readonly [count: number, outcomes: number])[];
}

/** Returns the frequencies of these counts. Counts of 0 are left out. */
export function frequenciesOf(counts: Iterable<number>): Frequencies {
  const outcomes = new Map<number, number>();
  let total = 0;
  let distinct = 0;
  for (const count of counts) {
    if (count <= 0) continue;
    total += count;
    distinct += 1;
    outcomes.set(count, (outcomes.get(count) ?? 0) + 1);
  }
  return { total, distinct, classes: [...outcomes].toSorted(([one], [other]) => one - other) };
}

/** Returns the number of outcomes that were seen `count` times. */
export function seenTimes({ classes }: Frequencies, count: number): number {
  return classes.find(([each]) => each === count)?.[1] ?? 0;
}
