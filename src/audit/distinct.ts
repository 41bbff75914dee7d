/** Number of outcomes of a distribution of which a sample is known.
 *
 *  Chao's estimate from the outcomes seen once and twice is a lower limit on average, with a logarithmic interval (Chao
 *  1987, Biometrics 43, 783–791; bias-corrected form where nothing was seen twice). */
import { observationsMin, z95, type Estimate } from './entropy.ts';
import { seenTimes, type Frequencies } from './frequencies.ts';

/** Returns the estimated number of outcomes, seen and unseen. */
export function distinctOutcomes(frequencies: Frequencies): Estimate {
  const { total, distinct } = frequencies;
  const unseen = unseenOutcomes(frequencies);
  const value = distinct + unseen;
  if (total < observationsMin) return { value, interval: undefined };
  const singles = seenTimes(frequencies, 1);
  const doubles = seenTimes(frequencies, 2);
  if (unseen === 0) return { value, interval: { low: distinct, high: distinct } };
  if (doubles === 0) return { value, interval: { low: distinct, high: Infinity } };
  const ratio = singles / doubles;
  const variance = doubles * (ratio ** 2 / 2 + ratio ** 3 + ratio ** 4 / 4);
  const factor = Math.exp(z95 * Math.sqrt(Math.log1p(variance / unseen ** 2)));
  return { value, interval: { low: distinct + unseen / factor, high: distinct + unseen * factor } };
}

/** Returns the estimated number of outcomes that were not seen. */
export function unseenOutcomes(frequencies: Frequencies): number {
  const { total } = frequencies;
  if (total === 0) return 0;
  const singles = seenTimes(frequencies, 1);
  const doubles = seenTimes(frequencies, 2);
  const share = (total - 1) / total;
  return share * (doubles > 0 ? singles ** 2 / (2 * doubles) : (singles * (singles - 1)) / 2);
}
