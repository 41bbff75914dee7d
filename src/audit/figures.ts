/** The figures of one distribution of views, as they are printed and written to JSON. */
import { anonymitySets, type AnonymitySets } from './anonymity.ts';
import { distinctOutcomes } from './distinct.ts';
import { sampleEntropy, shannonEntropy, type Estimate } from './entropy.ts';
import { largestCount, type Frequencies } from './frequencies.ts';
import { minEntropy } from './min-entropy.ts';

export interface Figures {
  /** How often each view came: all other figures follow from these counts. */
  readonly frequencies: Frequencies;
  /** Entropies of the clients of the recording themselves, in bits. */
  readonly sample: { readonly shannon: number; readonly min: number };
  /** Estimates for the population that the clients were drawn from, in bits. */
  readonly shannon: Estimate;
  readonly min: Estimate;
  /** Estimated number of different views. */
  readonly views: Estimate;
  readonly sets: AnonymitySets;
}

export function figuresOf(frequencies: Frequencies): Figures {
  const { total } = frequencies;
  return {
    frequencies,
    sample: {
      shannon: sampleEntropy(frequencies),
      min: total === 0 ? 0 : Math.log2(total / largestCount(frequencies)),
    },
    shannon: shannonEntropy(frequencies),
    min: minEntropy(frequencies),
    views: distinctOutcomes(frequencies),
    sets: anonymitySets(frequencies),
  };
}
