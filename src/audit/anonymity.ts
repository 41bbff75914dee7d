/** Anonymity sets: the clients that show the same, and so are not distinguished by it.
 *
 *  An interval is for the share of another recording of as many clients of the same population. Its variance is that of a
 *  sum over outcomes with Poisson counts. For unique clients this is the error of Good and Turing's share of the unseen
 *  (Esty 1983, Annals of Statistics 11, 905–912): the share of unique clients is also the probability that one more
 *  client shows something that none has shown. */
import { observationsMin, z95, type Estimate } from './entropy.ts';
import { seenTimes, type Frequencies } from './frequencies.ts';

/** The clients in sets of these sizes. */
export interface SetSizes {
  /** Smallest and largest size. */
  readonly from: number;
  readonly to: number;
  readonly sets: number;
  readonly clients: number;
  readonly share: Estimate;
}

export interface AnonymitySets {
  /** Share of the clients that are alone in their set. */
  readonly unique: Estimate;
  /** Sizes of the smallest sets, ascending. */
  readonly smallest: readonly number[];
  readonly sizes: readonly SetSizes[];
}

/** Sizes that are counted together, by their smallest. */
const bounds = [1, 2, 5, 10, 50, 100, 1_000];
/** Number of smallest sets that are listed. */
const smallestMax = 5;

/** Returns the anonymity sets of clients, each counted by what it shows. */
export function anonymitySets(frequencies: Frequencies): AnonymitySets {
  const { total, classes } = frequencies;
  const smallest: number[] = [];
  for (const [count, outcomes] of classes)
    for (let i = 0; i < outcomes && smallest.length < smallestMax; i += 1) smallest.push(count);
  const sizes = bounds.flatMap((from, index): SetSizes[] => {
    const to = (bounds[index + 1] ?? Infinity) - 1;
    const within = classes.filter(([count]) => count >= from && count <= to);
    if (within.length === 0) return [];
    const sets = sum(within.map(([, outcomes]) => outcomes));
    const clients = sum(within.map(([count, outcomes]) => count * outcomes));
    return [
      { from, to, sets, clients, share: from === 1 ? uniqueShare(frequencies) : shareOf(within, total) },
    ];
  });
  return { unique: uniqueShare(frequencies), smallest, sizes };
}

function uniqueShare(frequencies: Frequencies): Estimate {
  const { total } = frequencies;
  const singles = seenTimes(frequencies, 1);
  if (total === 0) return { value: 0, interval: undefined };
  const share = singles / total;
  return around(share, (singles * (1 - share) + 2 * seenTimes(frequencies, 2)) / total ** 2, total);
}

function shareOf(within: Frequencies['classes'], total: number): Estimate {
  const clients = sum(within.map(([count, outcomes]) => count * outcomes));
  const squares = sum(within.map(([count, outcomes]) => count ** 2 * outcomes));
  const share = clients / total;
  return around(share, (squares * (1 - share)) / total ** 2, total);
}

/** Returns a share with its interval. Next to 0 and 1, where the variance vanishes, three in `total` are added
 *  (Jovanovic and Levy 1997, the rule of three). */
function around(value: number, variance: number, total: number): Estimate {
  if (total < observationsMin) return { value, interval: undefined };
  const error = z95 * Math.sqrt(variance);
  const least = 3 / total;
  return {
    value,
    interval: {
      low: value === 0 ? 0 : Math.max(0, value - Math.max(error, least)),
      high: value === 1 ? 1 : Math.min(1, value + Math.max(error, least)),
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
