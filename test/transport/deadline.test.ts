import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { abortable, DeadlineError, onDeadline, withDeadline } from '../../src/transport/deadline.ts';

/** Work that ends only by its signal. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return abortable(new Promise<never>(() => {}), signal);
}

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('aborts the work with a reason of its own', async () => {
    const working = expect(withDeadline(100, undefined, untilAborted)).rejects.toBeInstanceOf(DeadlineError);
    await vi.advanceTimersByTimeAsync(99);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await working;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("passes the caller's abort on, with its reason", async () => {
    const controller = new AbortController();
    const working = expect(withDeadline(100, controller.signal, untilAborted)).rejects.toBe('left');
    controller.abort('left');
    await working;
    await expect(withDeadline(100, controller.signal, untilAborted)).rejects.toBe('left');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls once, with the earlier reason, and never after it was cancelled', async () => {
    const controller = new AbortController();
    const reasons: unknown[] = [];
    const watch = (): (() => void) => onDeadline(100, controller.signal, (reason) => reasons.push(reason));
    const [, stop] = [watch(), watch()];
    await vi.advanceTimersByTimeAsync(99);
    stop();
    await vi.advanceTimersByTimeAsync(1);
    expect(reasons).toEqual([expect.any(DeadlineError)]);
    watch();
    controller.abort('left');
    await vi.advanceTimersByTimeAsync(100);
    expect(reasons).toEqual([expect.any(DeadlineError), 'left']);
  });

  it('leaves no timer and no listener', async () => {
    const { signal } = new AbortController();
    expect(await withDeadline(100, signal, async () => 'done')).toBe('done');
    await expect(withDeadline(100, signal, () => Promise.reject(new RangeError('failed')))).rejects.toThrow(
      RangeError,
    );
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
