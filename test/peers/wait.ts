/** Bounded waiting: every wait in the interoperability tests ends with a value or with words. */
import { setTimeout as sleep } from 'node:timers/promises';

/** The value of `promise`, or an error naming `what` after `timeoutMs`. */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const expiry = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: nothing after ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    expiry.catch(() => {});
    timer.abort();
  }
}

/** Repeats `attempt` until it succeeds; after `timeoutMs` or once aborted, fails with the last attempt's reason. */
export async function eventually<T>(
  timeoutMs: number,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= deadline || signal?.aborted) throw error;
      await sleep(50);
    }
  }
}
