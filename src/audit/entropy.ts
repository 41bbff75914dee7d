/** Shannon entropy of a distribution of which a sample is known, in bits.
 *
 *  The point estimate is that of Chao, Wang and Jost (2013), Methods in Ecology and Evolution 4, 1091–1100: the terms of
 *  seen outcomes by digamma functions, those of unseen ones by the numbers of outcomes seen once and twice (Good and
 *  Turing). The interval has three parts, because the standard error alone is too short where much is unseen:
 *
 *  - the error of the delete-one jackknife, and that of a distribution near its maximum, where the entropy is quadratic
 *    (Miller 1955);
 *  - the estimate at both ends of the 95 % interval of the number of outcomes seen twice (Byar's limits);
 *  - upwards, 1.5 bits for each unit of unseen share, and the entropy of the share that may be unseen beyond Good and
 *    Turing's.
 *
 *  Where nothing was seen twice there is no upper limit: any number of further outcomes is possible. */
import { seenTimes, type Frequencies } from './frequencies.ts';
import { digamma, scaledExponentialIntegral, shareInterval } from './special-functions.ts';

/** A number with the interval that holds it with a confidence of 95 %. */
export interface Estimate {
  readonly value: number;
  /** Undefined below `observationsMin` observations. */
  readonly interval: Interval | undefined;
}

export interface Interval {
  readonly low: number;
  /** `Infinity` where the observations give no upper limit. */
  readonly high: number;
}

/** Fewest observations for an interval. */
export const observationsMin = 10;

/** Quantile of the normal distribution for 95 %, both sides. */
export const z95 = 1.96;
/** Bits by which unseen outcomes may be more than estimated. */
const unseenBits = 1.5;
/** Widens the interval of few observations: by 1 + 10/n. */
const smallSample = 10;
/** Fewest outcomes seen twice that the upper limit is computed with. */
const doublesMin = 0.02;

/** Returns the entropy in bits. */
export function shannonEntropy(frequencies: Frequencies): Estimate {
  const { total } = frequencies;
  if (total === 0) return { value: 0, interval: undefined };
  const value = entropyOf(frequencies);
  return { value, interval: total < observationsMin ? undefined : intervalOf(frequencies, value) };
}

/** Returns the entropy of the sample itself, in bits: the sum of -p·log2(p) over the seen shares. */
export function sampleEntropy({ total, classes }: Frequencies): number {
  let bits = 0;
  for (const [count, outcomes] of classes) bits -= (outcomes * count * Math.log2(count / total)) / total;
  return Math.max(0, bits);
}

/** @param doubles the number of outcomes seen twice that is assumed; by default, as counted */
function entropyOf(frequencies: Frequencies, doubles = seenTimes(frequencies, 2)): number {
  const { total, classes } = frequencies;
  let nats = 0;
  const all = digamma(total);
  for (const [count, outcomes] of classes)
    if (count < total) nats += outcomes * (count / total) * (all - digamma(count));
  const singles = seenTimes(frequencies, 1);
  if (singles > 0 && total > 1) nats += unseenTerm(total, singles, doubles);
  return nats / Math.LN2;
}

/** Returns the share of the entropy, in nats, that unseen outcomes have. */
function unseenTerm(total: number, singles: number, doubles: number): number {
  const a =
    doubles > 0
      ? (2 * doubles) / ((total - 1) * singles + 2 * doubles)
      : 2 / ((total - 1) * (singles - 1) + 2);
  return a >= 1 ? 0 : (singles / total) * tailOfSeries(a, total - 1);
}

/** Returns the sum over m from 1 of (1-a)^m/(n+m): the first terms one by one, the rest as an integral. */
function tailOfSeries(a: number, n: number): number {
  const exact = 64;
  let sum = 0;
  let power = 1;
  for (let m = 1; m <= exact; m += 1) {
    power *= 1 - a;
    sum += power / (n + m);
  }
  const decay = -Math.log1p(-a);
  const from = exact + 0.5;
  return sum + Math.exp(-decay * from) * scaledExponentialIntegral(decay * (n + from));
}

function intervalOf(frequencies: Frequencies, value: number): Interval {
  const { total, distinct } = frequencies;
  const singles = seenTimes(frequencies, 1);
  const doubles = seenTimes(frequencies, 2);
  const widening = 1 + smallSample / total;
  const nearMaximum = Math.sqrt((distinct - 1) / 2) / total / Math.LN2;
  const error = z95 * (jackknifeError(frequencies) + nearMaximum) * widening;
  const below = singles > 0 ? value - entropyOf(frequencies, upperCount(doubles)) : 0;
  const low = Math.max(0, value - Math.max(error, below * widening));
  if (singles > 1 && doubles === 0) return { low, high: Infinity };
  const unseen = singles / total;
  const above = doubles > 0 ? entropyOf(frequencies, Math.max(lowerCount(doubles), doublesMin)) - value : 0;
  const further = Math.max(0, shareInterval(singles, total, 0.025).high - unseen);
  const entropyOfFurther = further > 0 ? further * (1 - Math.log2(further)) : 0;
  const upwards = Math.max(error, above) + unseenBits * unseen;
  return { low, high: value + Math.hypot(upwards, entropyOfFurther) * widening };
}

/** Returns the standard error by leaving out one observation at a time: all of one class give the same value. */
function jackknifeError(frequencies: Frequencies): number {
  const { total, classes } = frequencies;
  const left = classes.map(([count, outcomes]) => ({
    weight: count * outcomes,
    value: entropyOf(without(frequencies, count)),
  }));
  const mean = left.reduce((sum, { weight, value }) => sum + weight * value, 0) / total;
  const squares = left.reduce((sum, { weight, value }) => sum + weight * (value - mean) ** 2, 0);
  return Math.sqrt(((total - 1) / total) * squares);
}

/** Returns the frequencies without one observation of an outcome that was seen `count` times. */
function without({ total, distinct, classes }: Frequencies, count: number): Frequencies {
  const outcomes = new Map(classes);
  outcomes.set(count, outcomes.get(count)! - 1);
  if (count > 1) outcomes.set(count - 1, (outcomes.get(count - 1) ?? 0) + 1);
  return {
    total: total - 1,
    distinct: count > 1 ? distinct : distinct - 1,
    classes: [...outcomes].filter(([, each]) => each > 0),
  };
}

/** Returns the upper limit of a Poisson mean by its count, at 97.5 % (Byar's approximation). */
export function upperCount(count: number): number {
  const next = count + 1;
  return next * (1 - 1 / (9 * next) + z95 / (3 * Math.sqrt(next))) ** 3;
}

/** Returns the lower limit of a Poisson mean by its count, at 97.5 % (Byar's approximation).
 *  @param z quantile of the normal distribution, for another confidence */
export function lowerCount(count: number, z = z95): number {
  if (count === 0) return 0;
  return count * Math.max(0, 1 - 1 / (9 * count) - z / (3 * Math.sqrt(count))) ** 3;
}
