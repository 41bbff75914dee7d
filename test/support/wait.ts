/** Waiting, in the tests: every wait is bounded, and ends with a value or with words. Nothing here asserts how long
 *  something took. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A bound that only a failure reaches, also on a machine under load. */
const patienceMs = 30_000;

/** Looks until `look` returns something other than false and undefined, and returns that.
 *  @param what named in the error; by default the source text of `look`
 *  @throws Error when nothing came in `timeoutMs` */
export async function eventually<T>(
  look: () => T | false | undefined,
  timeoutMs = patienceMs,
  what: () => string = () => look.toString(),
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not after ${timeoutMs} ms: ${what()}`);
    await sleep(5);
  }
}

/** Returns the value of `promise`.
 *  @throws Error naming `what`, when it is not settled in `timeoutMs` */
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

/** Repeats `attempt` until it succeeds, and returns its value.
 *  @throws the last attempt's error, after `timeoutMs` or once aborted */
export async function retried<T>(
  timeoutMs: number,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline || signal?.aborted) throw error;
      await sleep(50);
    }
  }
}
