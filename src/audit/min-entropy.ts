/** Min-entropy of a distribution of which a sample is known, in bits: -log2 of the share of the most frequent outcome.
 *
 *  The largest of many counts is too large an estimate of its own mean, so it is shrunk towards the mean count as far
 *  as the counts vary no more than by chance (Clevenson and Zidek 1975, Journal of the American Statistical
 *  Association 70, 698–705). The limits of the share:
 *
 *  - at most: Clopper and Pearson's limit for the largest count, which is at least that of the true most frequent one;
 *  - at least: the same limit for as many outcomes as there may be (Bonferroni), or the probability that two
 *    observations are equal, which the largest share is never below. */
import { unseenOutcomes } from './distinct.ts';
import { lowerCount, observationsMin, type Estimate, type Interval } from './entropy.ts';
import type { Frequencies } from './frequencies.ts';
import { shareInterval } from './special-functions.ts';

/** Quantile of the normal distribution at 98.75 %: the lower limit is the larger of two. */
const z9875 = 2.2414;

/** Returns the min-entropy in bits. */
export function minEntropy(frequencies: Frequencies): Estimate {
  const { total } = frequencies;
  if (total === 0) return { value: 0, interval: undefined };
  const { low, high } = largestShare(frequencies);
  const share = Math.min(high, Math.max(low, shrunkShare(frequencies)));
  const interval: Interval | undefined =
    total < observationsMin ? undefined : { low: bits(high), high: low === 0 ? Infinity : bits(low) };
  return { value: bits(interval === undefined ? shrunkShare(frequencies) : share), interval };
}

function bits(share: number): number {
  return Math.max(0, -Math.log2(share));
}

/** Returns the share of the most frequent outcome, shrunk towards the mean of all. */
function shrunkShare({ total, distinct, classes }: Frequencies): number {
  const [largest] = classes.at(-1)!;
  if (distinct === 1) return 1;
  const mean = total / distinct;
  const variance =
    classes.reduce((sum, [count, outcomes]) => sum + outcomes * (count - mean) ** 2, 0) / (distinct - 1);
  const shrinkage = variance <= mean ? 1 : mean / variance;
  return (shrinkage * mean + (1 - shrinkage) * largest) / total;
}

/** Returns the limits of the largest share, each at 97.5 %. */
function largestShare(frequencies: Frequencies): Interval {
  const { total, distinct, classes } = frequencies;
  const [largest] = classes.at(-1)!;
  const outcomes = distinct + unseenOutcomes(frequencies);
  const byCount = shareInterval(largest, total, 0.0125 / outcomes).low;
  return { low: Math.max(byCount, equalPairs(frequencies)), high: shareInterval(largest, total, 0.025).high };
}

/** Returns the lower limit of the probability that two observations are equal. */
function equalPairs({ total, classes }: Frequencies): number {
  if (total < 2) return 0;
  const pairs = (total * (total - 1)) / 2;
  const equal = classes.reduce((sum, [count, outcomes]) => sum + (outcomes * count * (count - 1)) / 2, 0);
  const share = equal / pairs;
  const spread = classes.reduce(
    (sum, [count, outcomes]) => sum + outcomes * count * ((count - 1) / (total - 1) - share) ** 2,
    0,
  );
  const error = 2 * Math.sqrt(spread / total / (total - 1) + share / (4 * pairs));
  return Math.max(0, Math.min(lowerCount(equal, z9875) / pairs, share - z9875 * error));
}
