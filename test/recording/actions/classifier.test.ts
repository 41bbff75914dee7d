import { describe, expect, it } from 'vitest';
import { Random } from '../../support/random.ts';
import { recognitionOf, type Sample } from './classifier.ts';

const random = new Random(1);
const around = (...centre: number[]): number[] => centre.map((value) => value + random.below(100) / 100);
const many = (count: number, make: (index: number) => Sample): Sample[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('the classifier', () => {
  it('recognises actions that differ in one feature, however small its numbers are', () => {
    const samples = many(200, (index) => ({
      action: index % 2 === 0 ? 'short' : 'long',
      features: [random.below(100_000), index % 2 === 0 ? 0.001 : 0.002, 7],
    }));
    const { recognised, baseline, traced } = recognitionOf(samples);
    expect([traced, baseline]).toEqual([1, 0.5]);
    expect(recognised).toBeGreaterThan(0.95);
  });

  it('guesses where nothing differs', () => {
    const samples = many(2_000, () => ({
      action: random.pick(['a', 'b', 'c', 'd']),
      features: around(1, 2, 3),
    }));
    const { recognised, baseline } = recognitionOf(samples);
    expect(baseline).toBeCloseTo(0.25, 1);
    expect(Math.abs(recognised - 0.25)).toBeLessThan(0.05);
  });

  it('never judges a sample by itself', () => {
    const samples = many(10, (index) => ({ action: `action ${index}`, features: [index] }));
    expect(recognitionOf(samples).recognised).toBe(0);
  });

  it('does not recognise an action without a trace', () => {
    const samples = many(100, (index) =>
      index % 2 === 0
        ? { action: 'typing', features: undefined }
        : { action: 'message', features: around(500) },
    );
    const { traced, recognised, byAction } = recognitionOf(samples);
    expect([traced, recognised]).toEqual([0.5, 0.5]);
    expect([...byAction]).toEqual([
      ['typing', 0],
      ['message', 1],
    ]);
  });

  it('has nothing to say of no samples', () => {
    expect(recognitionOf([])).toMatchObject({ samples: 0, traced: 0, recognised: 0, baseline: 0 });
  });
});
