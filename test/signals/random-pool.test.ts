import { describe, expect, it } from 'vitest';
import { RandomPool } from '../../src/signals/random-pool.ts';

describe('random bytes from a pool', () => {
  it('have the requested lengths and never repeat, over many pools', () => {
    const pool = new RandomPool();
    const taken = Array.from({ length: 2_000 }, () => pool.take(16));
    expect(taken.every(({ length }) => length === 16)).toBe(true);
    expect(new Set(taken.map((bytes) => bytes.toString('hex'))).size).toBe(2_000);
  });

  it('keep their value when others are taken', () => {
    const pool = new RandomPool();
    const first = pool.take(16);
    const before = first.toString('hex');
    for (let more = 0; more < 1_000; more += 1) pool.take(1 + (more % 64)).fill(0);
    expect(first.toString('hex')).toBe(before);
  });
});
