/** When new work is refused: entered late, left later. */
import { describe, expect, it } from 'vitest';
import { LoadMonitor, LoadState, memoryBound, type LoadReport } from '../../src/transport/load-monitor.ts';

const limits = { loopDelayMsMax: 200, memoryBytesMax: 1_000 };
const idle = { loopDelayMs: 0, memoryBytes: 500 };
const late = { ...idle, loopDelayMs: 200 };
const full = { ...idle, memoryBytes: 1_000 };

const after = (samples: readonly (typeof idle)[], bounds = limits): boolean[] => {
  const state = new LoadState(bounds);
  return samples.map((sample) => {
    state.take(sample);
    return state.overloaded;
  });
};

describe('the state of load', () => {
  it.each([
    ['a late loop', late],
    ['too much memory', full],
  ])('is entered by two samples in a row of %s', (_, sample) => {
    expect(after([sample, idle, sample, sample])).toEqual([false, false, false, true]);
  });

  it('is left by six samples in a row well below the bound', () => {
    const nearly = { ...idle, loopDelayMs: 100 };
    const rest = Array.from({ length: 6 }, () => idle);
    expect(after([late, late, ...rest.slice(1), nearly, ...rest]).filter(Boolean)).toHaveLength(12);
    expect(after([late, late, ...rest]).at(-1)).toBe(false);
  });

  it('does not flap around the bound', () => {
    const around = Array.from({ length: 100 }, (_, index) => ({
      ...idle,
      loopDelayMs: index % 2 === 0 ? 210 : 190,
    }));
    const states = after([late, late, ...around]);
    expect(new Set(states.slice(1))).toEqual(new Set([true]));
  });

  it('has no limit of 0', () => {
    const none = { loopDelayMsMax: 0, memoryBytesMax: 0 };
    expect(
      after(
        [
          { loopDelayMs: 1e9, memoryBytes: 1e12 },
          { loopDelayMs: 1e9, memoryBytes: 1e12 },
        ],
        none,
      ),
    ).toEqual([false, false]);
  });
});

it('notices a loop that is kept busy, and that it is free again', async () => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const reports: LoadReport[] = [];
  const monitor = new LoadMonitor({ loopDelayMsMax: 30, memoryBytesMax: 0 }, (report) => {
    reports.push(report);
    if (report.kind === 'recovered') resolve();
  });
  try {
    // Turns of 80 ms until it is noticed, within a bounded number of them.
    for (let turn = 0; turn < 200 && !monitor.overloaded; turn += 1) {
      const end = performance.now() + 80;
      while (performance.now() < end);
      await new Promise((resume) => setTimeout(resume, 0));
    }
    expect(monitor.overloaded).toBe(true);
    await over;
    expect(reports.map(({ kind }) => kind)).toEqual(['overloaded', 'recovered']);
    expect(reports[0]!.loopDelayMs).toBeGreaterThanOrEqual(30);
  } finally {
    monitor.close();
  }
});

it.each([
  ['as configured', 5_000, 1_000, 5_000],
  ['a share of the container', 0, 1_000, 850],
  ['no bound outside of a container', 0, 0, 0],
  ['no bound where Node names one beyond any machine', 0, 2 ** 63, 0],
])('bounds memory: %s', (_, configured, constrained, expected) => {
  expect(memoryBound(configured, 1, constrained)).toBe(expected);
});

it('shares the memory of a container among the processes in it', () => {
  expect(memoryBound(0, 4, 1_000_000)).toBe(212_500);
  expect(memoryBound(500_000, 4, 1_000_000)).toBe(500_000);
});
