import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckWindow, runsMax } from '../../../src/session/stream-management/ack-window.ts';

const modulus = 2 ** 32;

/** What the window must know, written down the long way: the fate of every stanza. */
class Ledger {
  readonly fates: ('dropped' | 'waiting' | number)[] = [];
  delivered = 0;
  acknowledged = 0;

  handled(): number {
    let count = 0;
    for (const fate of this.fates) {
      if (fate === 'waiting' || (fate !== 'dropped' && fate > this.acknowledged)) return count;
      count += 1;
    }
    return count;
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'pass' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'drop' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'wait' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), at: fc.nat(), deliver: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'inject' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('acknowledge' as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);

describe('the counts of stream management', () => {
  it('tell the sender the longest prefix that was handled, whatever is dropped, delayed and injected', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new AckWindow();
        const ledger = new Ledger();
        for (const each of steps) {
          if (each.kind === 'pass') {
            window.pass();
            ledger.fates.push(++ledger.delivered);
          } else if (each.kind === 'drop') {
            window.drop();
            ledger.fates.push('dropped');
          } else if (each.kind === 'wait') {
            expect(window.wait()).toBe(ledger.fates.length + 1);
            ledger.fates.push('waiting');
          } else if (each.kind === 'settle') {
            const waiting = ledger.fates.flatMap((fate, index) => (fate === 'waiting' ? [index] : []));
            if (waiting.length === 0) continue;
            const index = waiting[each.at % waiting.length]!;
            window.settle(index + 1, each.deliver ? 'delivered' : 'dropped');
            ledger.fates[index] = each.deliver ? ++ledger.delivered : 'dropped';
          } else if (each.kind === 'inject') {
            window.inject();
            ledger.delivered += 1;
          } else {
            const { acknowledged, delivered } = ledger;
            ledger.acknowledged = acknowledged + Math.floor((delivered - acknowledged) * each.part);
            expect(window.acknowledge(ledger.acknowledged % modulus)).toBe(ledger.handled() % modulus);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('wrap around at 2^32 on both sides, each at its own time', () => {
    const window = new AckWindow();
    // Both counts near the end: the window is walked there in runs, as hours of traffic would.
    const near = modulus - 2;
    const seeded = AckWindow.at({ sent: near, delivered: near - 3 });
    expect(window.acknowledge(0)).toBe(0);
    for (let i = 0; i < 3; i += 1) seeded.pass();
    seeded.drop();
    seeded.pass();
    expect(seeded.acknowledge(near % modulus)).toBe((near + 4) % modulus);
    expect(seeded.acknowledge((near + 1) % modulus)).toBe((near + 5) % modulus);
    for (let i = 0; i < 4; i += 1) seeded.pass();
    expect(seeded.acknowledge((near + 5) % modulus)).toBe((near + 9) % modulus);
  });

  it('refuse an acknowledgement of stanzas that were not sent', () => {
    const window = new AckWindow();
    window.pass();
    expect(() => window.acknowledge(2)).toThrow(expect.objectContaining({ code: 'ERR_SM_COUNT' }));
    expect(window.acknowledge(1)).toBe(1);
    expect(() => window.acknowledge(0)).toThrow(expect.objectContaining({ code: 'ERR_SM_COUNT' }));
  });

  it('take no memory for hours of acknowledged or even traffic, and refuse traffic that is never acknowledged', () => {
    const window = new AckWindow();
    for (let i = 0; i < 1_000_000; i += 1) window.pass();
    expect(window.runs).toBe(1);
    const ragged = new AckWindow();
    expect(() => {
      for (let i = 0; i <= runsMax; i += 1) {
        ragged.pass();
        ragged.drop();
      }
    }).toThrow(expect.objectContaining({ code: 'ERR_SM_WINDOW' }));
  });

  it('begin a resumed stream where the peers agree, and recognise repeated stanzas', () => {
    const window = new AckWindow();
    window.pass();
    const late = window.wait();
    window.pass();
    window.drop();
    window.pass();
    // The receiver has the first and the third; the second still waits when the connection breaks.
    expect(window.acknowledge(2)).toBe(1);
    window.rewind();
    expect(late).toBe(2);
    expect(window.repeats).toBe(false);
    window.pass();
    expect(window.repeats).toBe(true);
    window.drop();
    expect(window.repeats).toBe(false);
    window.drop();
    window.pass();
    expect(window.acknowledge(3)).toBe(4);
    expect(window.acknowledge(4)).toBe(5);
  });

  it('leave unacknowledged what waits last when the connection ends, and nothing that stands before what was delivered', () => {
    const window = new AckWindow();
    window.pass();
    const before = window.wait();
    window.pass();
    const last = window.wait();
    for (const number of [before, last]) window.abandon(number);
    // The receiver has the first and the third; the fourth is to come again, or never.
    expect(window.acknowledge(2)).toBe(3);
    window.rewind();
    expect(window.repeats).toBe(false);
    window.pass();
    expect(window.acknowledge(3)).toBe(4);
  });
});
