import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoopShare } from '../../../src/http/server/loop-share.ts';

describe('the share of the event loop', () => {
  let now = 0;
  beforeEach(() => {
    now = 0;
    vi.useFakeTimers({ toFake: ['setTimeout'] });
  });
  afterEach(() => void vi.useRealTimers());

  const advance = (milliseconds: number): void => {
    now += milliseconds;
    vi.advanceTimersByTime(milliseconds);
  };
  /** Lets the loop turn more often than any of the tests has tasks. */
  const turns = async (): Promise<void> => {
    for (let index = 0; index < 10; index += 1) await turn();
  };

  it('runs one task in each turn, in the order in which they came', async () => {
    const share = new LoopShare(50, () => now);
    const ran: string[] = [];
    let turnsSoFar = 0;
    const count = (): void => {
      turnsSoFar += 1;
      if (turnsSoFar < 10) setImmediate(count);
    };
    setImmediate(count);
    for (const name of ['a', 'b', 'c']) share.run(() => ran.push(`${name} in turn ${turnsSoFar}`));
    expect(ran).toEqual([]);
    await turns();
    expect(ran).toEqual(['a in turn 1', 'b in turn 2', 'c in turn 3']);
  });

  it('takes a task while another runs', async () => {
    const share = new LoopShare(50, () => now);
    const ran: string[] = [];
    share.run(() => {
      ran.push('first');
      share.run(() => ran.push('second'));
    });
    await turns();
    expect(ran).toEqual(['first', 'second']);
  });

  it('pauses after long work, with its promises, until the share is kept', async () => {
    const share = new LoopShare(50, () => now);
    const ran: string[] = [];
    share.run(() => {
      const work = async (): Promise<void> => {
        await Promise.resolve();
        now += 105;
        ran.push('long');
      };
      void work();
    });
    share.run(() => ran.push('next'));
    await turns();
    expect(ran).toEqual(['long']);
    // 5 ms were saved, and half of the 105 ms were earned meanwhile: 47.5 ms are to be earned.
    advance(94);
    await turns();
    expect(ran).toEqual(['long']);
    advance(1);
    await turns();
    expect(ran).toEqual(['long', 'next']);
  });

  it('saves little up while there is nothing to do', async () => {
    const share = new LoopShare(50, () => now);
    advance(3_600_000);
    let ran = 0;
    for (let index = 0; index < 10; index += 1)
      share.run(() => {
        now += 2;
        ran += 1;
      });
    await turns();
    // 5 ms, and 1 ms is earned in each task of 2 ms.
    expect(ran).toBe(6);
  });

  it('does not pause with all of the time', async () => {
    const share = new LoopShare(100, () => now);
    let ran = 0;
    for (let index = 0; index < 5; index += 1)
      share.run(() => {
        now += 1_000;
        ran += 1;
      });
    await turns();
    expect(ran).toBe(5);
  });
});
