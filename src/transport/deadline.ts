/** The reason of a signal that a deadline has aborted. It distinguishes a timeout from a caller's abort. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor() {
    super('the deadline has passed');
  }
}

/** Calls `passed` once: with the reason of `signal` when it aborts, or with a DeadlineError after `milliseconds`.
 *  Cheaper than an AbortController, for use on every connection.
 *  @returns a function that cancels timer and listener */
export function onDeadline(
  milliseconds: number,
  signal: AbortSignal | undefined,
  passed: (reason: unknown) => void,
): () => void {
  const stop = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  };
  const end = (reason: unknown): void => {
    stop();
    passed(reason);
  };
  const aborted = (): void => end(signal?.reason);
  const timer = setTimeout(() => end(new DeadlineError()), milliseconds);
  signal?.addEventListener('abort', aborted, { once: true });
  return stop;
}

/** Runs `work` with a signal that aborts when `signal` does, or after `milliseconds` with a DeadlineError. Leaves no
 *  timer and no listener: AbortSignal.timeout and AbortSignal.any would keep both for their full time. */
export async function withDeadline<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const stop = onDeadline(milliseconds, signal, (reason) => controller.abort(reason));
  try {
    return await work(controller.signal);
  } finally {
    stop();
  }
}

/** Settles like `promise`, or rejects with the signal's reason when it aborts. For work that cannot be cancelled;
 *  its late result is discarded. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
