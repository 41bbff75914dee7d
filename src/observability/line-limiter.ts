/** Limits the lines of each event that peers without an account can cause: a rate per event, and one summary of the
 *  lines left out. */
import type { LimitedEvent } from './events.ts';

/** Seconds of the rate that may come at once. */
const burstSeconds = 10;
/** Milliseconds from the first line left out to its summary. */
const summaryMs = 10_000;

interface Bucket {
  credit: number;
  at: number;
  suppressed: number;
}

export class LineLimiter {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #summarise: (event: LimitedEvent, lines: number) => void;
  readonly #buckets = new Map<LimitedEvent, Bucket>();

  /** @param perSecond lines per second; 0 for no limit
   *  @param now returns milliseconds since 1970; a clock that is set back costs credit for that long
   *  @param summarise called once per event and ten seconds, with the number of lines left out */
  constructor(perSecond: number, now: () => number, summarise: (event: LimitedEvent, lines: number) => void) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#summarise = summarise;
  }

  /** Spends a line.
   *  @returns whether it may be written; otherwise it is counted */
  allows(event: LimitedEvent): boolean {
    if (this.#perSecond === 0) return true;
    const bucket = this.#bucketOf(event);
    const now = this.#now();
    const refill = (Math.max(0, now - bucket.at) * this.#perSecond) / 1_000;
    bucket.credit = Math.min(burstSeconds * this.#perSecond, bucket.credit + refill);
    bucket.at = now;
    if (bucket.credit >= 1) {
      bucket.credit -= 1;
      return true;
    }
    if (bucket.suppressed === 0) setTimeout(() => this.#report(event, bucket), summaryMs).unref();
    bucket.suppressed += 1;
    return false;
  }

  #bucketOf(event: LimitedEvent): Bucket {
    const known = this.#buckets.get(event);
    if (known !== undefined) return known;
    const bucket = { credit: burstSeconds * this.#perSecond, at: this.#now(), suppressed: 0 };
    this.#buckets.set(event, bucket);
    return bucket;
  }

  #report(event: LimitedEvent, bucket: Bucket): void {
    const lines = bucket.suppressed;
    bucket.suppressed = 0;
    this.#summarise(event, lines);
  }
}
