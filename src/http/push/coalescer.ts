/** Merges bursts: while the work of a key runs, further callers share the next round, which starts when this one
 *  ends. They do not share the running one: it may have read its input before they called. */
export class Coalescer<T> {
  readonly #rounds = new Map<string, Round<T>>();

  /** Returns the result of `work`, run for this caller or shared with others. The same key must mean the same work. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const round = this.#rounds.get(key);
    if (round === undefined) return this.#start(key, work);
    round.next ??= { ...Promise.withResolvers<T>(), work };
    return round.next.promise;
  }

  async #start(key: string, work: () => Promise<T>): Promise<T> {
    const round: Round<T> = { next: undefined };
    this.#rounds.set(key, round);
    try {
      return await work();
    } finally {
      this.#rounds.delete(key);
      const { next } = round;
      if (next !== undefined) this.#start(key, next.work).then(next.resolve, next.reject);
    }
  }
}

interface Round<T> {
  /** The round that callers since the start of this one share; undefined without any. */
  next: (PromiseWithResolvers<T> & { readonly work: () => Promise<T> }) | undefined;
}
