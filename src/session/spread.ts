/** Ends of sessions, spread over a time so that clients do not all come back at once. */
import type { Schedule } from './timers.ts';

export interface SpreadOptions {
  /** From the first end to the last, in milliseconds; 0 for all at once. */
  readonly windowMs: number;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

export interface Spread {
  /** Calls `end` for the rest at once. */
  readonly finish: () => void;
  /** Calls it no more. */
  readonly cancel: () => void;
}

/** Calls `end` once for each of `items`, in their order, at even distances. A late timer makes up for what is due. */
export function spread<T>(
  items: readonly T[],
  end: (item: T) => void,
  { windowMs, now, schedule }: SpreadOptions,
): Spread {
  const started = now();
  const stepMs = windowMs / items.length;
  let ended = 0;
  let cancel: (() => void) | undefined;
  const endUpTo = (count: number): void => {
    while (ended < count) {
      ended += 1;
      end(items[ended - 1]!);
    }
  };
  const goOn = (): void => {
    // In the middle of its step, so that the first does not end at once nor the last at the end of the window.
    const due = stepMs === 0 ? items.length : Math.floor((now() - started) / stepMs + 0.5);
    endUpTo(Math.min(due, items.length));
    if (ended < items.length) cancel = schedule(Math.max(1, started + (ended + 0.5) * stepMs - now()), goOn);
  };
  goOn();
  return {
    finish() {
      cancel?.();
      endUpTo(items.length);
    },
    cancel: () => cancel?.(),
  };
}

/** Returns the items in an order of equal chance (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
