import { countWork, expectLinear } from './linear.ts';
import { describe, expect, it } from 'vitest';

/** Visits every pair. */
function pairs(n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i += 1) for (let j = 0; j < n; j += 1) sum += i ^ j;
  return sum;
}

/** Copies everything for each byte that arrives. */
function grow(n: number): Buffer {
  let all = Buffer.alloc(0);
  for (let i = 0; i < n; i += 1) all = Buffer.concat([all, Buffer.of(i)]);
  return all;
}

const here = '/test/support/linear.test.ts';

describe('work', () => {
  it('is the same for the same input, and grows with it as the algorithm says', () => {
    pairs(10);
    const [small, same, large] = [100, 100, 200].map((n) => countWork(() => void pairs(n), here).steps);
    expect(same).toBe(small);
    expect(large! / small!).toBeGreaterThan(3.9);
  });

  it('includes the bytes that native functions copy, search and decode', () => {
    const text = `${'x'.repeat(1_000)}y`;
    expect(countWork(() => void grow(100)).visited).toBe((100 * 101) / 2);
    expect(countWork(() => void text.indexOf('y')).visited).toBe(1_000);
    expect(countWork(() => void text.indexOf('y', 990)).visited).toBe(10);
    expect(countWork(() => void /y/.exec(text)).visited).toBe(1_001);
    expect(countWork(() => new Uint8Array(50).set(new Uint8Array(20))).visited).toBe(20);
  });

  it('leaves native functions as they were', () => {
    const before = [Buffer.concat, String.prototype.indexOf, RegExp.prototype.exec];
    countWork(() => void grow(3));
    expect([Buffer.concat, String.prototype.indexOf, RegExp.prototype.exec]).toEqual(before);
  });

  it('that none of src/ does is no proof', () => {
    expect(() => expectLinear('nothing', () => {}, () => {})).toThrow(/steps of code under src/); // prettier-ignore
  });
});
