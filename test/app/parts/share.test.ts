/** Which accounts a share is for. */
import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { shareOf } from '../../../src/app/parts/share.ts';

const keyOf = (fill: number) => createSecretKey(Buffer.alloc(32, fill));
const accounts = Array.from({ length: 5_000 }, (_, index) => `user${index}@chat.example`);

const sharesOf = (percents: readonly number[], { key = 1, gatekeeper = 'main' } = {}): number[] =>
  accounts.map((account) => shareOf(keyOf(key), { gatekeeper, account }, percents));

const countOf = (shares: readonly number[], wanted: number): number =>
  shares.filter((share) => share === wanted).length;

describe('shares of the accounts', () => {
  it('are as large as they say, and the rest has the usual policy', () => {
    const shares = sharesOf([10, 30]);
    // Five standard deviations of a binomial distribution: 106 and 162 of 5,000.
    expect(Math.abs(countOf(shares, 1) - 500)).toBeLessThan(106);
    expect(Math.abs(countOf(shares, 2) - 1_500)).toBeLessThan(162);
    expect(countOf(shares, 0) + countOf(shares, 1) + countOf(shares, 2)).toBe(accounts.length);
  });

  it('are all accounts at 100 percent, and none without a share', () => {
    expect(countOf(sharesOf([100]), 1)).toBe(accounts.length);
    expect(countOf(sharesOf([]), 0)).toBe(accounts.length);
  });

  it('keep their accounts when the last one grows', () => {
    const [before, after] = [sharesOf([10, 5]), sharesOf([10, 50])];
    expect(before.filter((share, index) => share !== 0 && after[index] !== share)).toEqual([]);
    expect(countOf(after, 2)).toBeGreaterThan(countOf(before, 2));
  });

  it('do not depend on how an account is spelled', () => {
    for (const account of accounts.slice(0, 50))
      expect(shareOf(keyOf(1), { gatekeeper: 'main', account: account.toUpperCase() }, [50])).toBe(
        shareOf(keyOf(1), { gatekeeper: 'main', account }, [50]),
      );
  });

  it.each([{ key: 2 }, { gatekeeper: 'other' }])('are others with another %o', (other) => {
    const [one, two] = [sharesOf([50]), sharesOf([50], other)];
    const differing = one.filter((share, index) => share !== two[index]).length;
    // Independent halves differ in one half; five standard deviations are 177.
    expect(Math.abs(differing - accounts.length / 2)).toBeLessThan(177);
  });
});
