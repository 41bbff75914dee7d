import { describe, expect, test } from 'vitest';
import { ClientViews } from '../../src/audit/client-views.ts';
import { DistinctSketch, valuesKeptMax } from '../../src/audit/distinct-sketch.ts';
import { hashOf } from '../../src/audit/value-hash.ts';

/** Returns the digests of one cell by client. */
function digestsOf(views: ClientViews, cell = 0): Map<number, number> {
  return new Map(
    [...views].filter((view) => view.cell === cell).map(({ client, digest }) => [client, digest]),
  );
}

function show(views: ClientViews, client: number, ...values: readonly string[]): void {
  for (const value of values) views.add(client, 0, hashOf(value));
}

describe('views', () => {
  test('clients that show the same set look alike, in any order and however often', () => {
    const views = new ClientViews();
    show(views, 0, 'a', 'b', 'c');
    show(views, 1, 'c', 'b', 'a', 'a', 'c');
    show(views, 2, 'a', 'b');
    show(views, 3, 'a', 'b', 'd');
    const digests = digestsOf(views);
    expect(digests.get(1)).toBe(digests.get(0));
    expect(new Set(digests.values()).size).toBe(3);
    expect([...views].map(({ values }) => values)).toEqual([3, 3, 2, 3]);
  });

  test('a value of one cell is none of another', () => {
    const views = new ClientViews();
    views.add(0, 1, hashOf('a'));
    views.add(0, 2, hashOf('b'));
    expect([...views].map(({ cell, values }) => [cell, values])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test('past the limit of views, clients are sampled, with all that they show', () => {
    const views = new ClientViews({ viewsMax: 1_000, valuesMax: 1_000 });
    for (let client = 0; client < 5_000; client += 1)
      for (let cell = 0; cell < 3; cell += 1) views.add(client, cell, hashOf(String(client % 7)));
    expect(views.oneIn).toBe(16);
    const kept = [...digestsOf(views, 0).keys()].toSorted((one, other) => one - other);
    expect(kept).toEqual(
      Array.from({ length: 5_000 }, (_, client) => client).filter((each) => views.keeps(each)),
    );
    expect(kept.length).toBeGreaterThan(5_000 / 16 / 1.3);
    expect(kept.length).toBeLessThan(1_000 / 3);
    for (const cell of [1, 2])
      expect([...digestsOf(views, cell).keys()].toSorted((a, b) => a - b)).toEqual(kept);
    expect(new Set(digestsOf(views).values()).size).toBe(7);
  });

  test('past the limit of values, long views are closed before clients are sampled', () => {
    const views = new ClientViews({ viewsMax: 1_000, valuesMax: 1_000 });
    for (let client = 0; client < 8; client += 1)
      for (let value = 0; value < 2_000; value += 1) show(views, client, `${client} ${value}`);
    expect(views.oneIn).toBe(1);
    expect(views.closedViews).toBe(8);
    expect(new Set(digestsOf(views).values()).size).toBe(8);
    for (const { values } of views) expect(values).toBeGreaterThanOrEqual(64);
  });

  test('a view of as many values as are compared is not closed by showing them again', () => {
    const views = new ClientViews();
    for (let round = 0; round < 2; round += 1)
      for (let value = 0; value < 4_096; value += 1) show(views, 0, `value ${value}`);
    expect(views.closedViews).toBe(0);
    show(views, 0, 'another');
    expect(views.closedViews).toBe(1);
  });

  test('where the views cannot be shorter, clients are sampled', () => {
    const views = new ClientViews({ viewsMax: 1_000, valuesMax: 1_000 });
    for (let client = 0; client < 200; client += 1)
      for (let value = 0; value < 60; value += 1) show(views, client, `${client} ${value}`);
    expect(views.oneIn).toBeGreaterThan(1);
    for (const { values } of views) expect(values).toBe(60);
  });
});

describe('different values', () => {
  test('are counted exactly while they fit', () => {
    const sketch = new DistinctSketch();
    for (let round = 0; round < 3; round += 1)
      for (let value = 0; value < valuesKeptMax; value += 1) sketch.add(hashOf(`value ${value}`));
    expect(sketch.count()).toEqual({
      value: valuesKeptMax,
      interval: { low: valuesKeptMax, high: valuesKeptMax },
    });
  });

  test('just above the limit are within their interval, which is not that of an exact count', () => {
    for (let run = 0; run < 100; run += 1) {
      const sketch = new DistinctSketch();
      for (let value = 0; value <= valuesKeptMax; value += 1) sketch.add(hashOf(`${run} ${value}`));
      const { value, interval } = sketch.count();
      expect(value, `run ${run}`).toBeGreaterThan(valuesKeptMax);
      expect(interval!.low).toBeLessThanOrEqual(value);
      expect(interval!.high).toBeGreaterThan(value);
    }
  });

  test('the interval of a sample holds in 93 of 100 runs', () => {
    let held = 0;
    for (let run = 0; run < 100; run += 1) {
      const sketch = new DistinctSketch();
      for (let value = 0; value < 20_000; value += 1) sketch.add(hashOf(`${run} ${value}`));
      const { interval } = sketch.count();
      held += Number(interval!.low <= 20_000 && 20_000 <= interval!.high);
    }
    expect(held).toBeGreaterThanOrEqual(93);
  });
});
