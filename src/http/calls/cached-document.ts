/** Caches a document of another party. It is fetched when it is no longer fresh, served while its server fails up to
 *  a bound (stale-if-error, RFC 5861 §4), and fetched at most once per cool-down. */

export interface CacheTimes {
  readonly documentFreshMs: number;
  readonly documentStaleMs: number;
  readonly documentCooldownMs: number;
}

/** `value` is the newest that was loaded. `stale`: its server has failed since. */
export type Cached<T> =
  | { readonly kind: 'value'; readonly value: T; readonly ageMs: number; readonly stale: boolean }
  /** Never loaded, or older than the bound. */
  | { readonly kind: 'unavailable' };

export class CachedDocument<T> {
  readonly #load: () => Promise<T>;
  readonly #times: CacheTimes;
  readonly #now: () => number;
  #value: { readonly value: T; readonly loadedAt: number } | undefined;
  #triedAt = -Infinity;
  #loading: Promise<void> | undefined;

  /** @param load rejects when the document cannot be fetched or used; the old one stays
   *  @param now returns milliseconds of any clock that does not go back */
  constructor(load: () => Promise<T>, times: CacheTimes, now: () => number) {
    this.#load = load;
    this.#times = times;
    this.#now = now;
  }

  async read(): Promise<Cached<T>> {
    if (!this.#isFresh()) await this.refresh();
    const held = this.#value;
    const ageMs = held === undefined ? Infinity : this.#now() - held.loadedAt;
    if (held === undefined || ageMs >= this.#times.documentStaleMs) return { kind: 'unavailable' };
    return { kind: 'value', value: held.value, ageMs, stale: !this.#isFresh() };
  }

  /** Loads anew unless the cool-down forbids it. Concurrent callers share one load. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#loading === undefined && this.#now() - this.#triedAt >= this.#times.documentCooldownMs) {
      this.#triedAt = this.#now();
      this.#loading = this.#reload();
    }
    await this.#loading;
  }

  async #reload(): Promise<void> {
    try {
      this.#value = { value: await this.#load(), loadedAt: this.#now() };
    } catch {
      // `read` decides how long the old one is served.
    } finally {
      this.#loading = undefined;
    }
  }

  #isFresh(): boolean {
    return this.#value !== undefined && this.#now() - this.#value.loadedAt < this.#times.documentFreshMs;
  }
}
