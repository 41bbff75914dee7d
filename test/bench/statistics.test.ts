import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairRounds, quantile, spreadOf, type ComparableBounds, type RoundSample } from './statistics.ts';

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });

describe('quantiles', () => {
  it('interpolate between neighbours', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20);
    expect(quantile([10, 20], 0.75)).toBe(17.5);
    expect(quantile([7], 0.25)).toBe(7);
  });

  it('lie among the values, in order, whatever order those came in', () => {
    fc.assert(
      fc.property(values, (given) => {
        const { lower, median, upper, count } = spreadOf(given);
        expect(Math.min(...given)).toBeLessThanOrEqual(lower);
        expect(lower).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(upper);
        expect(upper).toBeLessThanOrEqual(Math.max(...given));
        expect(count).toBe(given.length);
        expect(spreadOf(given.toReversed())).toEqual({ lower, median, upper, count });
      }),
    );
  });

  it('of no values are an error', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

const bounds: ComparableBounds = {
  eventsPerLoopRatioMax: 1.5,
  busyDifferenceMax: 0.1,
  waitingMax: 0.05,
  reachedMin: 0.97,
};
const alike: RoundSample = { cost: 50, eventsPerLoop: 20, busy: 0.95, loadBusy: 0.6, waiting: 0, reached: 1 };

describe('paired rounds', () => {
  it('divide each cost by the cost of the same round', () => {
    const slow = [50, 80, 60].map((cost) => ({ ...alike, cost }));
    const fast = [25, 40, 20].map((cost) => ({ ...alike, cost }));
    expect(pairRounds(slow, fast, bounds)).toEqual({ ratios: [2, 2, 3], discarded: 0 });
  });

  it('show a cost that the machine doubles for a while as what it is', () => {
    const noise = [1, 2, 1, 3, 2];
    const pairs = pairRounds(
      noise.map((factor) => ({ ...alike, cost: 65 * factor })),
      noise.map((factor) => ({ ...alike, cost: 50 * factor })),
      bounds,
    );
    expect(spreadOf(pairs.ratios)).toMatchObject({ median: 1.3, lower: 1.3, upper: 1.3 });
  });

  it.each([
    ['events per loop', { eventsPerLoop: 31 }, { eventsPerLoop: 29 }],
    ['events per loop of fewer events', { eventsPerLoop: 13 }, { eventsPerLoop: 14 }],
    ['utilisation', { busy: 0.84 }, { busy: 0.86 }],
    ['time for which something else ran', { waiting: 0.06 }, { waiting: 0.04 }],
    ['the rate that was reached', { reached: 0.96 }, { reached: 0.98 }],
  ])('are left out and counted when they differ in %s', (_, beyond, within) => {
    const rounds = [beyond, within].map((change) => ({ ...alike, ...change }));
    const yardstick = [alike, alike];
    expect(pairRounds(rounds, yardstick, bounds)).toEqual({ ratios: [1], discarded: 1 });
    expect(pairRounds(yardstick, rounds, bounds)).toEqual({ ratios: [1], discarded: 1 });
  });

  it('compare a program whose events are not known by the rest', () => {
    const unknown = { ...alike, eventsPerLoop: undefined };
    expect(pairRounds([unknown], [alike], bounds).ratios).toEqual([1]);
    expect(pairRounds([{ ...unknown, busy: 0.5 }], [alike], bounds).discarded).toBe(1);
  });

  it('need a partner each', () => {
    expect(() => pairRounds([alike], [], bounds)).toThrow(RangeError);
  });
});
