/** Allowances of one side of a session, on a clock of the test. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pace, type RateLimits } from '../../src/session/pacing.ts';

const limits: RateLimits = {
  stanzasPerSecond: 50,
  stanzaBurst: 500,
  bytesPerSecond: 0,
  paddingBytesPerSecond: 1_000,
  overLimitMs: 30_000,
};

class Clock {
  ms = 1_000;
  readonly now = (): number => this.ms;
}

/** Sends one stanza after the other as a reader that obeys does: after a pause, and at most `perSecond`.
 *  @returns how many passed, and whether the stream was ended. */
function send(
  pace: Pace,
  clock: Clock,
  perSecond: number,
  milliseconds: number,
): { passed: number; refused: boolean } {
  const end = clock.ms + milliseconds;
  for (let passed = 0; ; passed += 1) {
    if (clock.ms >= end) return { passed, refused: false };
    const verdict = pace.spend('stanzas', 1);
    if (verdict.kind === 'refuse') return { passed, refused: true };
    clock.ms += verdict.kind === 'pause' ? verdict.ms : 1_000 / perSecond;
  }
}

describe('stanzas of a client', () => {
  it('pass at the rate for as long as one likes', () => {
    const clock = new Clock();
    const pace = new Pace('client', limits, clock.now);
    expect(send(pace, clock, 50, 3_600_000)).toMatchObject({ refused: false });
  });

  it('pass at once as a burst, then pause', () => {
    const clock = new Clock();
    const pace = new Pace('client', limits, clock.now);
    for (let count = 0; count < limits.stanzaBurst; count += 1)
      expect(pace.spend('stanzas', 1)).toEqual({ kind: 'ok' });
    expect(pace.spend('stanzas', 1)).toEqual({ kind: 'pause', ms: 100 });
  });

  it('end the stream after thirty seconds over the rate', () => {
    const clock = new Clock();
    const { passed, refused } = send(new Pace('client', limits, clock.now), clock, 1_000, 3_600_000);
    expect(refused).toBe(true);
    // The burst, and thirty seconds at the rate.
    expect(passed).toBeGreaterThan(500 + 29 * 50);
    expect(passed).toBeLessThan(500 + 32 * 50);
  });

  it('do not end it when there are pauses between bursts', () => {
    const clock = new Clock();
    const pace = new Pace('client', limits, clock.now);
    for (let burst = 0; burst < 100; burst += 1) {
      expect(send(pace, clock, 1_000, 5_000).refused).toBe(false);
      clock.ms += 10_000;
    }
  });

  it('never pass faster than burst and rate together, whatever the arrivals', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 400 }), (gaps) => {
        const clock = new Clock();
        const pace = new Pace('client', { ...limits, overLimitMs: Infinity }, clock.now);
        const start = clock.ms;
        let passed = 0;
        for (const gap of gaps) {
          clock.ms += gap;
          for (let count = 0; count < 100; count += 1) {
            const verdict = pace.spend('stanzas', 1);
            passed += 1;
            if (verdict.kind === 'pause') clock.ms += verdict.ms;
          }
        }
        // The last pause may not have been served in full.
        expect(passed).toBeLessThanOrEqual(500 + ((clock.ms - start) * 50) / 1_000 + 1);
      }),
    );
  });
});

describe('padding', () => {
  it.each(['client', 'gatekeeper'] as const)('slows the %s down and never ends its stream', (side) => {
    const clock = new Clock();
    const pace = new Pace(side, limits, clock.now);
    let written = 0;
    while (clock.ms < 600_000) {
      const verdict = pace.spend('padding', 4_000);
      written += 4_000;
      expect(verdict.kind).not.toBe('refuse');
      if (verdict.kind === 'pause') clock.ms += verdict.ms;
    }
    // Ten seconds' worth at once, then the rate.
    expect(written).toBeLessThanOrEqual(10_000 + 600_000 + 8_000);
  });
});

it('does not count a rate of 0, nor the stanzas of a gatekeeper', () => {
  const clock = new Clock();
  const free = new Pace('client', { ...limits, stanzasPerSecond: 0, paddingBytesPerSecond: 0 }, clock.now);
  const gatekeeper = new Pace('gatekeeper', limits, clock.now);
  for (let count = 0; count < 10_000; count += 1) {
    for (const resource of ['stanzas', 'bytes', 'padding'] as const)
      expect(free.spend(resource, 100)).toEqual({ kind: 'ok' });
    expect(gatekeeper.spend('stanzas', 1)).toEqual({ kind: 'ok' });
  }
});
