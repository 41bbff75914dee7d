import { describe, expect, it } from 'vitest';
import { driftOf, growthOf, judgeMemory } from './memory-drift.ts';

describe('the growth of the highest', () => {
  it.each([
    ['is of what comes after the first third', [9, 100, 9, 110, 9, 9], 0.1],
    ['is below 0 where nothing is as high', [100, 90, 80, 80, 80, 80], -0.2],
  ])('%s', (_, samples, growth) => {
    expect(growthOf(samples)).toBeCloseTo(growth);
  });
});

describe('the drift of memory', () => {
  it.each([
    ['grows', [9, 9, 9, 100, 100, 100, 110, 110, 110], 0.1],
    ['falls', [9, 9, 9, 100, 100, 100, 90, 90, 90], -0.1],
    ['has one high value', [9, 9, 9, 100, 100, 100, 100, 300, 100], 0],
    ['does not fill the first third', [9, 9, 9, 9, 100, 100, 100, 110, 110, 110], 0.1],
  ])('%s', (_, samples, drift) => {
    expect(driftOf(samples)).toBeCloseTo(drift);
  });
});

describe('the judgement of memory', () => {
  const samples = [50, 50, 50, 100, 100, 100, 110, 110, 110].map((mebibytes) => ({
    liveBytes: mebibytes * 2 ** 20,
    residentBytes: 3 * mebibytes * 2 ** 20,
  }));

  it('fails a drift and a growth above their limits, and prints both', () => {
    const { figures, failures } = judgeMemory(samples, { driftMax: 0.09, growthMax: 1.19 });
    expect(failures).toEqual(['what lives in memory grew by 10.0 %', 'resident memory grew by 120.0 %']);
    expect(figures).toEqual({
      'live memory in MiB, least and most': '50.0, 110.0',
      'drift of the median of live memory': '10.0 %',
      'resident memory in MiB, least and most': '150.0, 330.0',
      'growth of the highest resident memory': '120.0 %',
    });
  });

  it('passes them at their limits', () => {
    expect(judgeMemory(samples, { driftMax: 0.11, growthMax: 1.21 }).failures).toEqual([]);
  });
});
