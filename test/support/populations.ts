/** Populations whose entropy is known, and samples of them. */
import type { Random } from './random.ts';

/** Probabilities of the outcomes, which add up to 1. */
export type Population = readonly number[];

export const populations: Readonly<Record<string, (outcomes: number) => Population>> = {
  uniform: (outcomes) => Array.from({ length: outcomes }, () => 1 / outcomes),
  zipf: (outcomes) => weighted(outcomes, (rank) => 1 / (rank + 1)),
  'steep zipf': (outcomes) => weighted(outcomes, (rank) => (rank + 1) ** -1.5),
  'flat zipf': (outcomes) => weighted(outcomes, (rank) => (rank + 1) ** -0.7),
  // Has a tail that never ends; a share of e^-20 is left out.
  geometric: (outcomes) => weighted(outcomes * 20, (rank) => (1 - 1 / outcomes) ** rank),
  'two levels': (outcomes) => weighted(outcomes, (rank) => (rank < outcomes / 10 ? 90 : 1)),
  'one large': (outcomes) => weighted(outcomes, (rank) => (rank === 0 ? outcomes : 1)),
  linear: (outcomes) => weighted(outcomes, (rank) => rank + 1),
};

function weighted(outcomes: number, weight: (rank: number) => number): Population {
  const weights = Array.from({ length: outcomes }, (_, rank) => weight(rank));
  const total = weights.reduce((sum, each) => sum + each, 0);
  return weights.map((each) => each / total);
}

/** Returns the Shannon entropy in bits. */
export function entropyOf(population: Population): number {
  return population.reduce((bits, share) => (share > 0 ? bits - share * Math.log2(share) : bits), 0);
}

/** Returns the min-entropy in bits. */
export function minEntropyOf(population: Population): number {
  return -Math.log2(population.reduce((most, share) => Math.max(most, share), 0));
}

/** Returns a function that draws the index of an outcome. */
export function drawing(population: Population, random: Random): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (const share of population) sums.push((sum += share));
  return () => {
    const at = (random.below(2 ** 32) / 2 ** 32) * sum;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Draws a sample, and returns how often each outcome came. */
export function sampleOf(population: Population, size: number, random: Random): Iterable<number> {
  const draw = drawing(population, random);
  const counts = new Map<number, number>();
  for (let i = 0; i < size; i += 1) {
    const outcome = draw();
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts.values();
}
