/** Received things that a script takes in any order, or waits for. */
import { SimulatorError } from './error.ts';

interface Waiter<T> {
  readonly accepts: (one: T) => boolean;
  readonly resolve: (one: T) => void;
  readonly reject: (error: SimulatorError) => void;
}

export class Inbox<T> {
  readonly #waiters = new Set<Waiter<T>>();
  #waiting: T[] = [];
  #ended: SimulatorError | undefined;

  /** What was not taken, in order. */
  get pending(): readonly T[] {
    return this.#waiting;
  }

  /** Gives it to the first that waits for it, or keeps it. */
  put(one: T): void {
    if (!this.offer(one)) this.#waiting.push(one);
  }

  /** Gives it to the first that waits for it.
   *  @returns false when there is none */
  offer(one: T): boolean {
    const waiter = [...this.#waiters].find(({ accepts }) => accepts(one));
    if (waiter === undefined) return false;
    this.#waiters.delete(waiter);
    waiter.resolve(one);
    return true;
  }

  /** Returns the first that `accepts` selects, or waits for it.
   *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` after `end` */
  receive(accepts: (one: T) => boolean, timeoutMs: number): Promise<T> {
    const at = this.#waiting.findIndex(accepts);
    if (at !== -1) return Promise.resolve(this.#waiting.splice(at, 1)[0]!);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiter = { accepts, resolve, reject };
    this.#waiters.add(waiter);
    const timer = setTimeout(
      () => reject(new SimulatorError('ERR_SIMULATOR_TIMEOUT', `nothing came within ${timeoutMs} ms`)),
      timeoutMs,
    );
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    });
  }

  /** Ends the waiting. The first reason stays. */
  end(reason: string): void {
    this.#ended ??= new SimulatorError('ERR_SIMULATOR_STREAM', reason);
    for (const waiter of this.#waiters) waiter.reject(this.#ended);
  }
}
