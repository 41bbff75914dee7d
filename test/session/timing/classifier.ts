/** The published attack's decision: from the times of many answers to one of two states. Two estimators are tried, the mean
 *  and the minimum. Estimator and threshold are chosen on one half of the decisions, and judged on the other. */

/** Milliseconds from each probe to its answer; undefined for one that never came. */
export type Observation = readonly (number | undefined)[];

/** One decision to make, with the truth. */
export interface Sample {
  readonly observation: Observation;
  readonly isSlow: boolean;
}

/** Number of probes that a decision is based on. */
export const probeCounts = [1, 10, 60, 300] as const;

/** What an answer that never came counts as, in milliseconds. */
const neverMs = 120_000;

type Estimator = (times: readonly number[]) => number;
const estimators: readonly Estimator[] = [
  (times) => times.reduce((sum, time) => sum + time, 0) / times.length,
  (times) => Math.min(...times),
];

interface Rule {
  readonly estimator: Estimator;
  readonly threshold: number;
  /** What more than the threshold means. */
  readonly aboveIsSlow: boolean;
}

/** @param probes of each observation, from its first on
 *  @returns the share of `judged` that is decided rightly by the rule that decides most of `learned` rightly */
export function accuracyOf(learned: readonly Sample[], judged: readonly Sample[], probes: number): number {
  const rule = best(learned, probes);
  const right = judged.filter((sample) => says(rule, sample, probes) === sample.isSlow);
  return right.length / judged.length;
}

function best(samples: readonly Sample[], probes: number): Rule {
  const rules = estimators.map((estimator) => bestThreshold(estimator, samples, probes));
  return rules.reduce((one, other) => (other.right > one.right ? other : one));
}

/** Every threshold between two values is tried. */
function bestThreshold(
  estimator: Estimator,
  samples: readonly Sample[],
  probes: number,
): Rule & { readonly right: number } {
  const values = samples
    .map(({ observation, isSlow }) => ({ value: estimator(timesOf(observation, probes)), isSlow }))
    .toSorted((one, other) => one.value - other.value);
  const slow = values.filter(({ isSlow }) => isSlow).length;
  let found = { threshold: -Infinity, aboveIsSlow: true, right: slow };
  let slowBelow = 0;
  values.forEach(({ value, isSlow }, index) => {
    if (isSlow) slowBelow += 1;
    // No threshold lies between equal values.
    if (values[index + 1]?.value === value) return;
    const fastBelow = index + 1 - slowBelow;
    const right = fastBelow + slow - slowBelow;
    for (const each of [right, values.length - right])
      if (each > found.right) found = { threshold: value, aboveIsSlow: each === right, right: each };
  });
  return { estimator, ...found };
}

function says({ estimator, threshold, aboveIsSlow }: Rule, { observation }: Sample, probes: number): boolean {
  return estimator(timesOf(observation, probes)) > threshold === aboveIsSlow;
}

function timesOf(observation: Observation, probes: number): readonly number[] {
  return observation.slice(0, probes).map((time) => time ?? neverMs);
}

/** The most that a guess comes to by chance in `decisions`, once in 10,000 rows. */
export function chanceMax(decisions: number): number {
  return 0.5 + (3.72 * 0.5) / Math.sqrt(decisions);
}
