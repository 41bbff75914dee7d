import { describe, expect, test } from 'vitest';
import {
  measureBuckets,
  optimalBuckets,
  type BucketLimits,
  type Leakage,
  type SizeGroup,
} from '../../src/audit/buckets.ts';
import { Random } from '../support/random.ts';

function randomGroups(random: Random, count: number): SizeGroup[] {
  const sizes = new Set<number>();
  while (sizes.size < count) sizes.add(50 + random.below(2_000));
  return [...sizes]
    .toSorted((one, other) => one - other)
    .map((size) => {
      const kinds = Array.from({ length: 3 }, () => (random.once(2) ? 0 : random.below(30)));
      kinds[0]! += 1;
      return { end: size, smallest: size, bytes: size * kinds.reduce((sum, each) => sum + each, 0), kinds };
    });
}

/** Tries every set of ends. */
function bruteForce(
  groups: readonly SizeGroup[],
  leakage: Leakage,
  limits: BucketLimits,
): number | undefined {
  let least: number | undefined;
  for (let bits = 0; bits < 2 ** (groups.length - 1); bits += 1) {
    const ends = groups
      .filter((_, index) => index === groups.length - 1 || (bits & (1 << index)) !== 0)
      .map(({ end }) => end);
    if (ends.length > limits.bucketsMax) continue;
    const padTo = (bytes: number): number => ends.find((end) => bytes <= end)!;
    if (groups.some(({ end, smallest }) => padTo(end) - smallest > limits.stanzaPaddingMax)) continue;
    const { leakage: bitsLeaked, padding } = measureBuckets(groups, leakage, padTo);
    if (padding <= limits.paddingMax && bitsLeaked < (least ?? Infinity)) least = bitsLeaked;
  }
  return least;
}

describe.each(['size', 'kind'] as const)('the least leakage by %s', (leakage) => {
  test('equals that of every set of buckets tried', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const random = new Random(seed);
      const groups = randomGroups(random, 1 + random.below(10));
      const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
      const limits = {
        paddingMax: Math.floor((bytes * random.below(80)) / 100),
        bucketsMax: 1 + random.below(8),
        stanzaPaddingMax: random.once(3) ? 700 : 65_536,
      };
      const found = optimalBuckets(groups, leakage, limits);
      const least = bruteForce(groups, leakage, limits);
      if (least === undefined || found === undefined) {
        expect(found?.leakage, `seed ${seed}`).toBe(least);
        continue;
      }
      expect(found.leakage, `seed ${seed}`).toBeCloseTo(least, 9);
      expect(found.padding).toBeLessThanOrEqual(limits.paddingMax);
      expect(found.ends.length).toBeLessThanOrEqual(limits.bucketsMax);
      const measured = measureBuckets(groups, leakage, (size) => found.ends.find((end) => size <= end)!);
      expect(measured.leakage).toBeCloseTo(found.leakage, 9);
      expect(measured.padding).toBe(found.padding);
    }
  });
});

test('by hand: 100 and 200 bytes share a bucket at a third more bytes', () => {
  const groups = [100, 200].map((size) => ({ end: size, smallest: size, bytes: size * 10, kinds: [10] }));
  const limits = { paddingMax: 999, bucketsMax: 16, stanzaPaddingMax: 65_536 };
  expect(optimalBuckets(groups, 'size', limits)).toEqual({ ends: [100, 200], leakage: 1, padding: 0 });
  expect(optimalBuckets(groups, 'size', { ...limits, paddingMax: 1_000 })).toEqual({
    ends: [200],
    leakage: 0,
    padding: 1_000,
  });
});

test('no buckets keep the limits where there are too few', () => {
  const groups = [100, 200].map((size) => ({ end: size, smallest: size, bytes: size, kinds: [1] }));
  expect(
    optimalBuckets(groups, 'size', { paddingMax: 0, bucketsMax: 1, stanzaPaddingMax: 65_536 }),
  ).toBeUndefined();
});
