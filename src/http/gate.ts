/** Lets so many in at once and so many wait, and turns the rest away: back-pressure with two numbers. */
export class Gate {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(insideMax: number, waitingMax: number) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
  }

  /** Runs the work when there is room. Rejects with what `refusal` makes when even the queue is full. */
  async run<T>(work: () => Promise<T>, refusal: () => Error): Promise<T> {
    await this.#enter(refusal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(refusal: () => Error): Promise<void> | undefined {
    if (this.#inside < this.#insideMax) {
      this.#inside += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) throw refusal();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes straight to the one who waited longest, so nobody can slip in between. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}
