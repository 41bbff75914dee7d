/** Ends of sessions that are spread over a time: at even distances, each once; and the random order of sessions. */
import { describe, expect, it } from 'vitest';
import { shuffled, spread, type SpreadOptions } from '../../src/session/spread.ts';
import { Random } from '../support/random.ts';
import { ManualClock } from './conversation.ts';

function spreadOver(windowMs: number, count: number) {
  const clock = new ManualClock();
  const ends: { readonly item: number; readonly at: number }[] = [];
  const options: SpreadOptions = {
    windowMs,
    now: () => clock.now,
    schedule: clock.schedule,
  };
  const items = Array.from({ length: count }, (_, item) => item);
  const running = spread(items, (item) => ends.push({ item, at: clock.now }), options);
  return { clock, ends, running, items };
}

describe('ends of sessions that are spread', () => {
  it('take the whole window, each session once', () => {
    const { clock, ends, items } = spreadOver(20_000, 1_000);
    for (let ms = 0; ms < 20_000; ms += 5) clock.advance(5);
    expect(ends.map(({ item }) => item).toSorted((one, other) => one - other)).toEqual(items);
    const middle = ends.slice(100, 900);
    expect(middle.at(-1)!.at - middle[0]!.at).toBeGreaterThan(0.79 * 20_000);
    expect(clock.pending).toBe(0);
  });

  it('come in the order that is given', () => {
    const { clock, ends, items } = spreadOver(1_000, 100);
    for (let ms = 0; ms < 1_000; ms += 1) clock.advance(1);
    expect(ends.map(({ item }) => item)).toEqual(items);
  });

  it('make up for a timer that was late', () => {
    const { clock, ends } = spreadOver(1_000, 10);
    clock.advance(700);
    expect(ends).toHaveLength(7);
    clock.advance(300);
    expect(ends).toHaveLength(10);
  });

  it('come at once without a window', () => {
    const { clock, ends } = spreadOver(0, 10);
    expect(ends).toHaveLength(10);
    expect(clock.pending).toBe(0);
  });

  it('are none for no session', () => {
    const { clock, ends } = spreadOver(1_000, 0);
    expect([ends.length, clock.pending]).toEqual([0, 0]);
  });

  it('come at once when finished, each once', () => {
    const { clock, ends, running, items } = spreadOver(1_000, 10);
    clock.advance(300);
    running.finish();
    running.finish();
    expect(ends.map(({ item }) => item).toSorted((one, other) => one - other)).toEqual(items);
    expect(clock.pending).toBe(0);
  });

  it('stop when cancelled', () => {
    const { clock, ends, running } = spreadOver(1_000, 10);
    clock.advance(300);
    running.cancel();
    clock.advance(1_000);
    expect(ends).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });
});

it('an order of equal chance has every item once', () => {
  const random = new Random(7);
  const counts = new Map<string, number>();
  for (let round = 0; round < 6_000; round += 1) {
    const order = shuffled(['a', 'b', 'c'], () => random.below(2 ** 30) / 2 ** 30).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // Expected 1,000 each; five standard deviations are 144.
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(145);
});
