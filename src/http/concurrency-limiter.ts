/** Lets so many in at once and so many wait, and turns the rest away: back-pressure with two numbers. */
export class Gate {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #refusal: () => Error;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  /** @param refusal makes the error for those who are turned away. */
  constructor(insideMax: number, waitingMax: number, refusal: () => Error) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
    this.#refusal = refusal;
  }

  /** Runs the work when there is room; rejects with the refusal when even the queue is full. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#inside < this.#insideMax) {
      this.#inside += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) throw this.#refusal();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes straight to the one who waited longest, so nobody can slip in between. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}
