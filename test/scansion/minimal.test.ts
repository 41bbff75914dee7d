import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimal } from './minimal.ts';

describe('a smallest part', () => {
  const items = Array.from({ length: 16 }, (_, index) => index);
  const contains = (part: readonly number[], needed: readonly number[]): boolean =>
    needed.every((item) => part.includes(item));

  it('is the items that are needed, whichever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(15), { minLength: 1 }), async (needed) => {
        const found = await minimal(items, (part) => Promise.resolve(contains(part, needed)));
        expect(found).toEqual(needed.toSorted((a, b) => a - b));
      }),
    );
  });

  it('is one of several, without anything more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(15), { minLength: 1 }), { minLength: 1, maxLength: 5 }),
        async (ways) => {
          const suffices = (part: readonly number[]): boolean => ways.some((way) => contains(part, way));
          const found = await minimal(items, (part) => Promise.resolve(suffices(part)));
          expect(suffices(found)).toBe(true);
          for (const item of found) expect(suffices(found.filter((each) => each !== item))).toBe(false);
        },
      ),
    );
  });

  it('takes four experiments for one of the first of sixteen, and eight at most for any one', async () => {
    const experiments = async (needed: number): Promise<number> => {
      let count = 0;
      await minimal(items, (part) => Promise.resolve((count += 1) > 0 && part.includes(needed)));
      return count;
    };
    expect(await experiments(0)).toBe(4);
    expect(Math.max(...(await Promise.all(items.map(experiments))))).toBe(8);
  });

  it('is nothing of nothing', async () => {
    expect(await minimal([], () => Promise.resolve(true))).toEqual([]);
  });
});
