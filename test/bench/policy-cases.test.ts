import { expect, it } from 'vitest';
import { countingCases, mediaCases, policyCases, ruleCases } from './policy-cases.ts';

it('every case of the policy bench does its work', () => {
  const works = [
    ...[...policyCases()].flatMap(({ scan, decide, edit, normalForm }) => [scan, decide, edit, normalForm]),
    ...[...countingCases()].flatMap(({ off, on }) => [off, on]),
    ...ruleCases().flatMap(({ scan, edit }) => [scan, edit]),
    ...mediaCases().flatMap(({ scan, keep, seal }) => [scan, keep, seal]),
  ];
  for (const work of works) if (work !== undefined) expect(work()).toBeGreaterThan(0);
  expect(ruleCases().map(({ rules }) => rules)).toEqual([0, 10, 100, 1_000]);
});
