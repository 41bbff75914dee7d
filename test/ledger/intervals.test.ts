import { expect, test } from 'vitest';
import type { InForce, RecordBody } from '../../src/ledger/body.ts';
import {
  exposureRowsMax,
  Intervals,
  type ExposureSource,
  type ExposureTotal,
} from '../../src/ledger/intervals.ts';

class Source implements ExposureSource {
  readonly counts = new Map<string, number>();
  overflow = 0;

  totals(): readonly ExposureTotal[] {
    return [...this.counts].map(([field, count]) => ({
      gatekeeper: 'main',
      audience: 'gatekeeper',
      field,
      treatment: 'drop',
      mode: 'enforced',
      count,
      bytes: count * 10,
      sessions: 1,
    }));
  }

  startInterval(): void {}
}

function policy(name: string): InForce {
  return {
    kind: 'in-force',
    gatekeeper: 'main',
    policy: name,
    policyDigest: 'd'.repeat(43),
    mode: 'enforce',
    catalogueDigest: 'c'.repeat(43),
  };
}

interface World {
  readonly source: Source;
  readonly intervals: Intervals;
  readonly written: RecordBody[];
  inForce: string;
  now: number;
  fails: boolean;
  end(): Promise<boolean>;
}

function start(): World {
  const source = new Source();
  const written: RecordBody[] = [];
  const world = { source, written, inForce: 'balanced', now: 0, fails: false } as World;
  const intervals = new Intervals({ source, inForce: () => [policy(world.inForce)], now: () => world.now });
  return Object.assign(world, {
    intervals,
    end: () =>
      intervals.end((bodies) => {
        if (!world.fails) written.push(...bodies);
        return Promise.resolve(!world.fails);
      }),
  });
}

const countsOf = (bodies: readonly RecordBody[]): [string, number][] =>
  bodies.flatMap((body) =>
    body.kind === 'exposure' ? body.rows.map(({ field, count }): [string, number] => [field, count]) : [],
  );

test('an interval has what was counted since the one before', async () => {
  const world = start();
  world.source.counts.set('id.thread', 3);
  world.now = 60_000;
  await world.end();
  world.source.counts.set('id.thread', 5).set('csi.state', 1);
  world.now = 120_000;
  await world.end();
  await world.end();
  expect(world.written.map(({ kind }) => kind)).toEqual(['in-force', 'exposure', 'exposure', 'idle']);
  expect(countsOf(world.written)).toEqual([
    ['id.thread', 3],
    ['id.thread', 2],
    ['csi.state', 1],
  ]);
  expect(world.written[2]).toMatchObject({
    rows: [{ bytes: 20 }, { bytes: 10 }],
    from: '1970-01-01T00:01:00.000Z',
    to: '1970-01-01T00:02:00.000Z',
  });
});

test('counts of an interval that was not written are in the next one', async () => {
  const world = start();
  await world.end();
  world.fails = true;
  world.source.counts.set('id.thread', 3);
  expect(await world.end()).toBe(false);
  world.source.counts.set('id.thread', 4);
  world.fails = false;
  world.now = 180_000;
  expect(await world.end()).toBe(true);
  expect(countsOf(world.written)).toEqual([['id.thread', 4]]);
  expect(world.written.at(-1)).toMatchObject({ from: '1970-01-01T00:00:00.000Z' });
});

test('a change of the policy ends an interval, also while nothing can be written', async () => {
  const world = start();
  await world.end();
  world.fails = true;
  world.source.counts.set('id.thread', 3);
  world.intervals.turn();
  world.inForce = 'strict';
  world.intervals.turn();
  world.source.counts.set('id.thread', 5);
  await world.end();
  world.fails = false;
  await world.end();
  expect(world.written.map((body) => (body.kind === 'in-force' ? body.policy : body.kind))).toEqual([
    'balanced',
    'exposure',
    'strict',
    'exposure',
  ]);
  expect(countsOf(world.written)).toEqual([
    ['id.thread', 3],
    ['id.thread', 2],
  ]);
});

test('the sum of all records is the total, whatever fails in between', async () => {
  const world = start();
  for (let step = 1; step <= 200; step += 1) {
    world.source.counts.set('id.thread', step * 2).set('csi.state', step);
    world.source.overflow = step;
    world.now = step * 1_000;
    world.fails = step % 3 !== 0;
    if (step % 7 === 0) world.inForce = `policy-${step}`;
    if (step % 14 === 0) world.intervals.turn();
    await world.end();
  }
  world.fails = false;
  await world.end();
  const sums = new Map<string, number>();
  for (const [field, count] of countsOf(world.written)) sums.set(field, (sums.get(field) ?? 0) + count);
  expect(Object.fromEntries(sums)).toEqual({ 'id.thread': 400, 'csi.state': 200 });
  const overflow = world.written.reduce(
    (sum, body) => sum + (body.kind === 'overflow' ? body.decisions : 0),
    0,
  );
  expect(overflow).toBe(200);
});

test('an interval with many rows has several records', async () => {
  const world = start();
  for (let field = 0; field < 2 * exposureRowsMax + 1; field += 1)
    world.source.counts.set(`field.${field}`, 1);
  await world.end();
  expect(world.written.filter(({ kind }) => kind === 'exposure')).toHaveLength(3);
});
