/** Runs a bounded number of tasks at once, queues a bounded number, and rejects the rest. */
export class ConcurrencyLimiter {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #refusal: () => Error;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param refusal makes the error for a task that finds the queue full */
  constructor(runningMax: number, waitingMax: number, refusal: () => Error) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
    this.#refusal = refusal;
  }

  /** Runs `work` when a slot is free, and returns its result.
   *  @throws the error of `refusal` when the queue is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#acquire();
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #acquire(): Promise<void> | undefined {
    if (this.#running < this.#runningMax) {
      this.#running += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) throw this.#refusal();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives the slot to the task that has waited longest, so that a new one cannot overtake it. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
