/** A shared store that is replaced by the memory of this process while it does not answer. Then a request that comes to two
 *  replicas has two effects; one that comes twice to the same has one. */
import type { StateKind } from './kinds.ts';
import { StateUnavailable, type StateStore } from './store.ts';

export class FallbackStore implements StateStore {
  readonly shared = true;
  readonly #store: StateStore;
  readonly #memory: StateStore;

  constructor(store: StateStore, memory: StateStore) {
    this.#store = store;
    this.#memory = memory;
  }

  get epoch(): number {
    return this.#store.epoch;
  }

  get(kind: StateKind, name: string): Promise<Uint8Array | undefined> {
    return this.#try(kind, (store) => store.get(kind, name));
  }

  set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void> {
    return this.#try(kind, (store) => store.set(kind, name, value, ttlMs));
  }

  claim(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<Uint8Array | undefined> {
    return this.#try(kind, (store) => store.claim(kind, name, value, ttlMs));
  }

  delete(kind: StateKind, name: string): Promise<void> {
    return this.#try(kind, (store) => store.delete(kind, name));
  }

  /** Counts of streams are in the memory of the process anyway, so their operations fail. */
  async #try<T>(kind: StateKind, operation: (store: StateStore) => Promise<T>): Promise<T> {
    try {
      return await operation(this.#store);
    } catch (error) {
      if (kind === 'resumption' || !(error instanceof StateUnavailable)) throw error;
      return operation(this.#memory);
    }
  }
}
