/** State in the memory of this process. Each kind has a bound on its records; the least recently used goes first. */
import { LRUCache } from 'lru-cache';
import type { StateKind } from './kinds.ts';
import { checkRecord, type StateStore } from './store.ts';

export interface MemoryStoreOptions {
  /** Most records of each kind. */
  readonly recordsMax: Readonly<Record<StateKind, number>>;
  /** Returns milliseconds of a clock that does not go back. */
  readonly now: () => number;
}

export class MemoryStore implements StateStore {
  readonly shared = false;
  readonly epoch = 0;
  readonly #options: MemoryStoreOptions;
  /** Made at the first use of a kind: a cache allocates all of its entries at once. */
  readonly #caches = new Map<StateKind, LRUCache<string, Uint8Array>>();

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  async get(kind: StateKind, name: string): Promise<Uint8Array | undefined> {
    return this.#caches.get(kind)?.get(name);
  }

  async set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#cache(kind).set(name, value, { ttl: checkRecord(kind, value, ttlMs) });
  }

  async claim(
    kind: StateKind,
    name: string,
    value: Uint8Array,
    ttlMs: number,
  ): Promise<Uint8Array | undefined> {
    const ttl = checkRecord(kind, value, ttlMs);
    const cache = this.#cache(kind);
    const earlier = cache.get(name);
    if (earlier === undefined) cache.set(name, value, { ttl });
    return earlier;
  }

  async delete(kind: StateKind, name: string): Promise<void> {
    this.#caches.get(kind)?.delete(name);
  }

  #cache(kind: StateKind): LRUCache<string, Uint8Array> {
    const known = this.#caches.get(kind);
    if (known !== undefined) return known;
    const { recordsMax, now } = this.#options;
    const cache = new LRUCache<string, Uint8Array>({
      max: recordsMax[kind],
      perf: { now },
      ttlResolution: 0,
    });
    this.#caches.set(kind, cache);
    return cache;
  }
}
