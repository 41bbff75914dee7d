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

/** Returns the largest count; 0 without any. */
export function largestCount({ classes }: Frequencies): number {
  return classes.at(-1)?.[0] ?? 0;
}

/** Returns the frequencies of digests.
 *  @param sorted so that equal ones are neighbours
 *  @param others observations of one more outcome, which has no digest */
export function frequenciesOfDigests(sorted: Float64Array, others = 0): Frequencies {
  return frequenciesOf(runsOf(sorted, others));
}

function* runsOf(sorted: Float64Array, others: number): Generator<number, void> {
  if (others > 0) yield others;
  for (let start = 0; start < sorted.length;) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end += 1;
    yield end - start;
    start = end;
  }
}
