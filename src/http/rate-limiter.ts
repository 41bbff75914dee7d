/** Lets a number of events pass in each second, with a burst of one second's events: a token bucket. */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #now: () => number;
  #left: number;
  #filledAt: number;

  /** @param now returns monotonic milliseconds */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = perSecond;
    this.#filledAt = now();
  }

  /** Returns whether one more event may pass now, and counts it then. */
  take(): boolean {
    const at = this.#now();
    const gained = ((at - this.#filledAt) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + gained);
    this.#filledAt = at;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
