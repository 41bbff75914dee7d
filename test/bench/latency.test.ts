import { describe, expect, it } from 'vitest';
import { latencyRows, type LatencySample } from './latency.ts';

const sample = (p50: number, p99: number, waiting = 0): LatencySample => ({ p50, p99, waiting });

const samples = new Map([
  ['direct', [sample(50, 100), sample(60, 100), sample(50, 100)]],
  ['HAProxy', [sample(70, 140), sample(80, 140), sample(70, 140)]],
  ['narthex strict', [sample(80, 200), sample(90, 200), sample(500, 900, 0.5)]],
]);

describe('latency that a proxy adds', () => {
  const rows = latencyRows(samples, 'direct', 300);

  it('is that of the same round without the direct connection', () => {
    expect(rows.map(({ name, figure }) => [name, figure.median, figure.count])).toEqual([
      ['relay: latency that HAProxy adds, one client, p50', 20, 3],
      ['relay: latency that HAProxy adds, one client, p99', 40, 3],
      // The third round was disturbed.
      ['relay: latency that narthex strict adds, one client, p50', 30, 2],
      ['relay: latency that narthex strict adds, one client, p99', 100, 2],
    ]);
  });

  it('is compared with HAProxy’s', () => {
    expect(rows.map(({ yardstick, ratio, aim }) => [yardstick, ratio?.median, aim])).toEqual([
      ['', 1, undefined],
      ['', 1, undefined],
      ['HAProxy', 1.5, 1.5],
      ['HAProxy', 2.5, 1.5],
    ]);
  });

  it('has no ratio without HAProxy', () => {
    const [row] = latencyRows(new Map([...samples].filter(([name]) => name !== 'HAProxy')), 'direct', 300);
    expect(row).toMatchObject({ ratio: undefined, yardstick: 'HAProxy', aim: 1.5 });
  });
});
