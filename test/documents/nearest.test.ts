import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/documents/nearest.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['kitten', 'sitting', 3],
    ['listners', 'listeners', 1],
    ['abc', '', 3],
    ['prot', 'port', 1],
    ['abcd', 'badc', 2],
  ])('%s to %s is %i', (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  it('is symmetric, zero for equal words only, and at most the cost of typing the word anew', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it('is one for one slip', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2, maxLength: 30 }), fc.nat(), (word, at) => {
        const index = at % (word.length - 1);
        const swapped = word.slice(0, index) + word[index + 1]! + word[index]! + word.slice(index + 2);
        expect(editDistance(word, word.slice(0, index) + word.slice(index + 1))).toBe(1);
        expect(editDistance(word, swapped)).toBe(swapped === word ? 0 : 1);
      }),
    );
  });
});

describe('nearest', () => {
  const keys = ['listeners', 'limits', 'log', 'domains', 'tracing'];

  it.each([
    ['listners', 'listeners'],
    ['Limits', 'limits'],
    ['lgo', 'log'],
    ['lg', 'log'],
    ['policy', undefined],
    ['mian', undefined],
    ['', undefined],
  ])('%s → %s', (word, meant) => expect(nearest(word, keys)).toBe(meant));

  it('returns the nearer of two', () =>
    expect(nearest('stanzaByteMax', ['stanzaBytes', 'stanzaBytesMax'])).toBe('stanzaBytesMax'));

  it('costs little for an absurd key', () => expect(nearest('x'.repeat(100_000), keys)).toBeUndefined());
});
