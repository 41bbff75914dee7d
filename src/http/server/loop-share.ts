/** Gives the HTTP plane its share of the event loop. Streams are served in the same loop, so HTTP does one small task in each
 *  turn of it, and pauses when it has had its share of the time: a stanza waits for one task at most, however many requests
 *  arrive. */

/** Milliseconds of work that may be saved up while there was little to do. */
const savedMs = 5;

interface Waiting {
  readonly task: () => void;
  next: Waiting | undefined;
}

export class LoopShare {
  readonly #share: number;
  readonly #now: () => number;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  /** Whether the next task is scheduled. */
  #scheduled = false;
  /** Milliseconds of work that are left; negative for work that was longer. */
  #left = savedMs;
  #filledAt: number;
  #startedAt = 0;

  /** @param percent of the time, 100 for no limit
   *  @param now returns monotonic milliseconds */
  constructor(percent: number, now: () => number) {
    this.#share = percent / 100;
    this.#now = now;
    this.#filledAt = now();
  }

  /** Runs a task in a later turn, after those that wait already. Callers have one task each in the queue, so their number
   *  bounds it. */
  run(task: () => void): void {
    const waiting: Waiting = { task, next: undefined };
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#fill();
    if (this.#left >= 0) {
      setImmediate(this.#runFirst);
      // Node runs the promises of one callback before the next callback, so that they are counted too.
      setImmediate(this.#settle);
    } else setTimeout(this.#resume, Math.ceil(-this.#left / this.#share));
  }

  readonly #resume = (): void => this.#schedule();

  readonly #runFirst = (): void => {
    const { task, next } = this.#first!;
    this.#first = next;
    if (next === undefined) this.#last = undefined;
    this.#startedAt = this.#now();
    task();
  };

  readonly #settle = (): void => {
    this.#left -= this.#now() - this.#startedAt;
    this.#scheduled = false;
    if (this.#first !== undefined) this.#schedule();
  };

  #fill(): void {
    const at = this.#now();
    this.#left = Math.min(savedMs, this.#left + (at - this.#filledAt) * this.#share);
    this.#filledAt = at;
  }
}
