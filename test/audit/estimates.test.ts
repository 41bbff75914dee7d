import { describe, expect, test } from 'vitest';
import { anonymitySets } from '../../src/audit/anonymity.ts';
import { distinctOutcomes } from '../../src/audit/distinct.ts';
import { sampleEntropy, shannonEntropy, type Estimate } from '../../src/audit/entropy.ts';
import { frequenciesOf } from '../../src/audit/frequencies.ts';
import { minEntropy } from '../../src/audit/min-entropy.ts';
import { digamma, scaledExponentialIntegral, shareInterval } from '../../src/audit/special-functions.ts';
import { entropyOf, minEntropyOf, populations, sampleOf } from '../support/populations.ts';
import { Random } from '../support/random.ts';

function holds({ interval }: Estimate, truth: number): boolean {
  return interval !== undefined && interval.low <= truth + 1e-9 && truth - 1e-9 <= interval.high;
}

describe('special functions', () => {
  test.each([
    [1, -0.577_215_664_901_532_9],
    [0.5, -1.963_510_026_021_423_5],
    [12.5, 2.485_195_651_274_911],
  ])('the digamma function of %d', (x, value) => expect(digamma(x)).toBeCloseTo(value, 11));

  test.each([
    [0.1, 1.822_923_958_419_391, 10],
    [1, 0.219_383_934_395_520_3, 10],
    [10, 4.156_968_929_685_324e-6, 15],
  ])('the exponential integral of %d', (x, value, digits) =>
    expect(scaledExponentialIntegral(x) * Math.exp(-x)).toBeCloseTo(value, digits),
  );

  // The interval of 8 in 10, as in every table of binomial confidence limits.
  test('the limits of Clopper and Pearson', () => {
    const { low, high } = shareInterval(8, 10, 0.025);
    expect([low, high].map((each) => each.toFixed(4))).toEqual(['0.4439', '0.9748']);
    expect(shareInterval(0, 10, 0.025).high).toBeCloseTo(1 - 0.025 ** 0.1, 9);
  });
});

describe('a sample computed by hand', () => {
  // Four clients show one thing, two another, and two show something of their own.
  const frequencies = frequenciesOf([4, 2, 1, 1]);

  test('its entropy is 4/8·1 + 2/8·2 + 2·1/8·3 bits', () => expect(sampleEntropy(frequencies)).toBe(1.75));

  test('two of eight are unique, and the smallest sets have 1, 1, 2 and 4 clients', () => {
    const { unique, smallest, sizes } = anonymitySets(frequencies);
    expect(unique.value).toBe(0.25);
    expect(smallest).toEqual([1, 1, 2, 4]);
    expect(sizes.map(({ from, sets, clients }) => [from, sets, clients])).toEqual([
      [1, 2, 2],
      [2, 2, 6],
    ]);
  });

  // f1 = 2 and f2 = 1, so 7/8·2²/(2·1) = 1.75 outcomes were not seen.
  test('Chao estimates 5.75 outcomes', () => expect(distinctOutcomes(frequencies).value).toBe(5.75));

  // 1/2·(1/4+1/5+1/6+1/7) + 1/4·(1/2+…+1/7) + 2·1/8·(1+1/2+…+1/7), and of the unseen a quarter of the sum over m of
  // (7/8)^m/(7+m), since A = 2·1/(7·2+2·1) = 1/8.
  test('Chao, Wang and Jost estimate its entropy', () => {
    const harmonic = (from: number, to: number): number =>
      from > to ? 0 : 1 / from + harmonic(from + 1, to);
    let unseen = 0;
    for (let m = 1; m < 2_000; m += 1) unseen += (7 / 8) ** m / (7 + m);
    const nats = harmonic(4, 7) / 2 + harmonic(2, 7) / 4 + harmonic(1, 7) / 4 + unseen / 4;
    expect(shannonEntropy(frequencies).value).toBeCloseTo(nats / Math.LN2, 6);
  });

  test('less than ten clients have no interval', () => {
    expect(shannonEntropy(frequencies).interval).toBeUndefined();
    expect(minEntropy(frequencies).interval).toBeUndefined();
    expect(anonymitySets(frequencies).unique.interval).toBeUndefined();
  });
});

test('clients that all differ give no upper limit of the entropy', () => {
  const all = frequenciesOf(Array.from({ length: 200 }, () => 1));
  expect(shannonEntropy(all).interval!.high).toBe(Infinity);
  expect(shannonEntropy(all).interval!.low).toBeGreaterThan(10);
  expect(distinctOutcomes(all).interval!.high).toBe(Infinity);
  expect(anonymitySets(all).unique.value).toBe(1);
});

test('clients that all show the same have no entropy', () => {
  const same = frequenciesOf([500]);
  expect(shannonEntropy(same)).toMatchObject({ value: 0, interval: { low: 0 } });
  expect(shannonEntropy(same).interval!.high).toBeLessThan(0.1);
  expect(minEntropy(same).value).toBe(0);
});

describe.each(Object.entries(populations))('populations of known entropy: %s', (name, populationOf) => {
  test.each([50, 300, 1_000])('%d outcomes, 30 clients for each: within five percent', (outcomes) => {
    const population = populationOf(outcomes);
    const truth = entropyOf(population);
    for (let seed = 0; seed < 20; seed += 1) {
      const size = 30 * Math.max(outcomes, Math.ceil(2 ** truth));
      const { value } = shannonEntropy(frequenciesOf(sampleOf(population, size, new Random(seed))));
      expect(Math.abs(value - truth) / truth, `${name}, seed ${seed}`).toBeLessThan(0.05);
    }
  });

  test.each([
    [12, 12],
    [12, 60],
    [50, 25],
    [50, 50],
    [50, 250],
    [300, 30],
    [300, 100],
    [300, 600],
    [1_000, 100],
    [1_000, 1_000],
    [1_000, 5_000],
  ])('%d outcomes, %d clients: the intervals hold in 93 of 100 runs', (outcomes, size) => {
    const population = populationOf(outcomes);
    const [shannon, min] = [entropyOf(population), minEntropyOf(population)];
    const held = { shannon: 0, min: 0 };
    for (let seed = 0; seed < 100; seed += 1) {
      const frequencies = frequenciesOf(sampleOf(population, size, new Random(seed * 7_919 + outcomes)));
      held.shannon += Number(holds(shannonEntropy(frequencies), shannon));
      held.min += Number(holds(minEntropy(frequencies), min));
    }
    expect(held.shannon).toBeGreaterThanOrEqual(93);
    expect(held.min).toBeGreaterThanOrEqual(93);
  });
});
