/** State that replicas share, at a server that is not trusted with it: names are MACs, values are sealed (`sealing.ts`).
 *
 *  While the secret is rotated there are two. The first names and seals what is written; both find and open. A record is
 *  claimed under the first and looked for under the other afterwards, so that of two replicas that have them in different
 *  order at least one sees the other's claim. */
import type { StateKind } from './kinds.ts';
import type { RecordServer, StoreLink } from './link.ts';
import type { StateObserver, StateOperation } from './observer.ts';
import type { RecordSeal, SealedName } from './sealing.ts';
import { checkRecord, StateUnavailable, type StateStore } from './store.ts';

export interface SealedStoreOptions {
  readonly link: StoreLink;
  /** Returns the seals, that of the current secret first. At most two. */
  readonly seals: () => readonly [RecordSeal, ...RecordSeal[]];
  /** Text before each name at the server. */
  readonly keyPrefix: string;
  readonly observer: StateObserver;
}

/** A record under one of the secrets. */
interface Place {
  readonly seal: RecordSeal;
  readonly name: SealedName;
  /** Key at the server. */
  readonly key: string;
}

/** Attempts of a claim whose record ends, or does not open, in between. */
const claimAttemptsMax = 3;

export class SealedStore implements StateStore {
  readonly shared = true;
  readonly #options: SealedStoreOptions;

  constructor(options: SealedStoreOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#options.link.connections;
  }

  async get(kind: StateKind, name: string): Promise<Uint8Array | undefined> {
    const found = await this.#run('get', (server) => readAll(server, this.#places(kind, name)));
    return this.#firstOf(kind, found);
  }

  async set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void> {
    const ttl = checkRecord(kind, value, ttlMs);
    const [place, ...others] = this.#places(kind, name);
    const sealed = place.seal.seal(kind, place.name, value);
    await this.#run('set', (server) =>
      Promise.all([
        server.set(place.key, sealed, ttl),
        ...(others.length === 0 ? [] : [server.delete(others.map(({ key }) => key))]),
      ]),
    );
  }

  async claim(
    kind: StateKind,
    name: string,
    value: Uint8Array,
    ttlMs: number,
  ): Promise<Uint8Array | undefined> {
    const ttl = checkRecord(kind, value, ttlMs);
    const [place, ...others] = this.#places(kind, name);
    const sealed = place.seal.seal(kind, place.name, value);
    for (let attempt = 0; attempt < claimAttemptsMax; attempt += 1) {
      // In one connection, commands are carried out in the order in which they are sent.
      const [isSet, earlier] = await this.#run('claim', (server) =>
        Promise.all([server.setIfAbsent(place.key, sealed, ttl), readAll(server, others)]),
      );
      const elsewhere = this.#firstOf(kind, earlier);
      if (elsewhere !== undefined) {
        if (isSet) await this.#run('delete', (server) => server.delete([place.key]));
        return elsewhere;
      }
      if (isSet) return undefined;
      const [found] = await this.#run('get', (server) => readAll(server, [place]));
      const there = this.#firstOf(kind, found === undefined ? [] : [found]);
      if (there !== undefined) return there;
      if (found?.sealed !== null) await this.#run('delete', (server) => server.delete([place.key]));
    }
    throw new StateUnavailable();
  }

  async delete(kind: StateKind, name: string): Promise<void> {
    const keys = this.#places(kind, name).map(({ key }) => key);
    await this.#run('delete', (server) => server.delete(keys));
  }

  #run<T>(operation: StateOperation, task: (server: RecordServer) => Promise<T>): Promise<T> {
    return this.#options.link.run(operation, task);
  }

  #places(kind: StateKind, name: string): [Place, ...Place[]] {
    const { seals, keyPrefix } = this.#options;
    return seals().map((seal) => {
      const sealedName = seal.nameOf(kind, name);
      return { seal, name: sealedName, key: `${keyPrefix}${sealedName.toString('base64url')}` };
    }) as [Place, ...Place[]];
  }

  /** Returns the first value that opens; undefined without one. */
  #firstOf(kind: StateKind, found: readonly Found[]): Uint8Array | undefined {
    for (const { place, sealed } of found) {
      if (sealed === null) continue;
      const value = place.seal.open(kind, place.name, sealed);
      if (value !== undefined) return value;
      this.#options.observer.refused(kind);
    }
    return undefined;
  }
}

interface Found {
  readonly place: Place;
  readonly sealed: Buffer | null;
}

function readAll(server: RecordServer, places: readonly Place[]): Promise<readonly Found[]> {
  return Promise.all(places.map(async (place) => ({ place, sealed: await server.get(place.key) })));
}
