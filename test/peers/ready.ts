/** When a process may be used: once an attempt at using it succeeds, unless it ends first. */
import type { PeerProcess } from './process.ts';
import { retried } from '../support/wait.ts';

/** Repeats `attempt` for `timeoutMs` at most. Fails with the reason and the end of the log. */
export async function ready(
  name: string,
  process: PeerProcess,
  timeoutMs: number,
  attempt: () => Promise<void>,
): Promise<void> {
  const giveUp = new AbortController();
  const gone = process.ended.then((status) => {
    giveUp.abort();
    throw new Error(`ended with ${status}`);
  });
  try {
    await Promise.race([gone, retried(timeoutMs, attempt, giveUp.signal)]);
  } catch (cause) {
    throw new Error(`${name} did not become ready: ${String(cause)}\n${process.logTail()}`, { cause });
  } finally {
    gone.catch(() => {});
  }
}
