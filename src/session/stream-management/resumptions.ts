/** The state of stream management that outlives a connection (XEP-0198 §5): counters, never stanzas. It is in the memory of
 *  this process, and where replicas share state, also in `StreamRecords`. Without them another process fails a
 *  resumption. */
import { LRUCache } from 'lru-cache';
import { runsMax } from './ack-window.ts';
import { generationOf, type ManagedStream } from './managed-stream.ts';
import type { StreamRecords } from './stream-records.ts';

export interface ResumptionLimits {
  /** Streams in memory, live ones included. The least recently used is forgotten first. */
  readonly resumptionsMax: number;
  /** Streams of one account. Above it, the oldest stream of the same account is forgotten. */
  readonly resumptionsPerAccountMax: number;
  /** Estimated memory of all streams, in bytes: identifiers, and runs of unacknowledged stanzas at the end of the
   *  connection. The least recently used is forgotten first. */
  readonly resumptionBytesMax: number;
  /** Runs of unacknowledged stanzas of one account. A stream has two full windows at most. */
  readonly resumptionRunsPerAccountMax: number;
  /** Characters of an identifier; a stream with a longer one cannot be resumed (XEP-0198 §3). */
  readonly identifierCharactersMax: number;
  /** Milliseconds after the end of its connection for which a stream can be resumed, even where the gatekeeper
   *  promises more. */
  readonly resumptionMs: number;
}

export const defaultResumptionLimits: ResumptionLimits = {
  resumptionsMax: 100_000,
  resumptionsPerAccountMax: 64,
  resumptionBytesMax: 134_217_728,
  resumptionRunsPerAccountMax: 2 * runsMax,
  identifierCharactersMax: 4_000,
  resumptionMs: 3_600_000,
};

/** The streams of one account: keys, least recently used first. */
interface Share {
  readonly runs: Map<string, number>;
  total: number;
}

/** Streams by gatekeeper and SM-ID. */
export class Resumptions {
  readonly #limits: ResumptionLimits;
  readonly #streams: LRUCache<string, ManagedStream>;
  readonly #shares = new Map<string, Share>();
  readonly #records: StreamRecords | undefined;

  /** @param now returns monotonic milliseconds
   *  @param records of all processes; undefined for one that shares no state */
  constructor(
    limits: Partial<ResumptionLimits> = {},
    now = (): number => performance.now(),
    records?: StreamRecords,
  ) {
    this.#limits = { ...defaultResumptionLimits, ...limits };
    this.#records = records;
    const { resumptionsMax, resumptionBytesMax } = this.#limits;
    this.#streams = new LRUCache({
      max: resumptionsMax,
      maxSize: resumptionBytesMax,
      perf: { now },
      sizeCalculation: bytesOf,
      dispose: (stream, key) => {
        this.#takeFromShare(stream, key);
        records?.leave(key, stream);
      },
    });
  }

  /** Returns the number of streams, and their estimated memory in bytes. */
  get size(): { readonly streams: number; readonly bytes: number } {
    return { streams: this.#streams.size, bytes: this.#streams.calculatedSize };
  }

  /** Whether other processes have streams too. */
  get shared(): boolean {
    return this.#records !== undefined;
  }

  find(gatekeeper: string, id: string): ManagedStream | undefined {
    return this.#streams.get(keyOf(gatekeeper, id));
  }

  /** Looks for a stream in all processes. Of several counters the newest are in force.
   *  @returns undefined where only this process has any: then `find` says all */
  lookUp(gatekeeper: string, id: string): Promise<ManagedStream | undefined> | undefined {
    if (this.#records === undefined || !this.#isIdentifier(id)) return undefined;
    return this.#records.find(keyOf(gatekeeper, id)).then((elsewhere) => {
      const here = this.find(gatekeeper, id);
      return elsewhere === undefined || (here !== undefined && generationOf(here) >= generationOf(elsewhere))
        ? here
        : elsewhere;
    });
  }

  /** Keeps the stream of a live connection, without a time limit. */
  remember(gatekeeper: string, id: string, stream: ManagedStream): void {
    if (this.#keep(gatekeeper, id, stream, 0)) this.#records?.follow(keyOf(gatekeeper, id), stream);
  }

  /** Keeps the stream of an ended connection for `resumptionMs`.
   *  @returns whether it can be resumed: at any replica, where they share state */
  async release(gatekeeper: string, id: string, stream: ManagedStream): Promise<boolean> {
    if (stream.superseded === true || this.#isOutdated(gatekeeper, id, stream)) return true;
    if (!this.#keep(gatekeeper, id, stream, this.#limits.resumptionMs)) return false;
    return this.#records === undefined || (await this.#records.conclude(keyOf(gatekeeper, id), stream));
  }

  forget(gatekeeper: string, id: string): void {
    const key = keyOf(gatekeeper, id);
    this.#streams.delete(key);
    this.#records?.remove(key);
  }

  /** Returns whether the stream has come back to this process from another one since. */
  #isOutdated(gatekeeper: string, id: string, stream: ManagedStream): boolean {
    const kept = this.#streams.peek(keyOf(gatekeeper, id));
    return kept !== undefined && generationOf(kept) > generationOf(stream);
  }

  #isIdentifier(id: string): boolean {
    return id.length <= this.#limits.identifierCharactersMax;
  }

  /** @returns whether the identifier is short enough to be kept */
  #keep(gatekeeper: string, id: string, stream: ManagedStream, ttl: number): boolean {
    if (!this.#isIdentifier(id)) return false;
    const key = keyOf(gatekeeper, id);
    // The cache keeps the first size of a value that it has already.
    this.#streams.delete(key);
    this.#streams.set(key, stream, { ttl });
    this.#addToShare(stream, key);
    return true;
  }

  #addToShare(stream: ManagedStream, key: string): void {
    const { resumptionsPerAccountMax, resumptionRunsPerAccountMax } = this.#limits;
    this.#takeFromShare(stream, key);
    const owner = ownerOf(stream, key);
    const share = this.#shares.get(owner) ?? { runs: new Map<string, number>(), total: 0 };
    this.#shares.set(owner, share);
    const runs = runsOf(stream);
    share.runs.set(key, runs);
    share.total += runs;
    for (const oldest of share.runs.keys()) {
      if (share.runs.size <= resumptionsPerAccountMax && share.total <= resumptionRunsPerAccountMax) return;
      if (oldest !== key) this.#streams.delete(oldest);
    }
  }

  #takeFromShare(stream: ManagedStream, key: string): void {
    const owner = ownerOf(stream, key);
    const share = this.#shares.get(owner);
    const runs = share?.runs.get(key);
    if (share === undefined || runs === undefined) return;
    share.runs.delete(key);
    share.total -= runs;
    if (share.runs.size === 0) this.#shares.delete(owner);
  }
}

/** Returns the key of an account. The same JID at another gatekeeper is another account. */
function ownerOf({ account }: ManagedStream, key: string): string {
  return keyOf(key.slice(0, key.indexOf(' ')), account);
}

/** Bytes of a stream with its two windows and its entries, without its texts and runs; measured. */
const streamBytes = 1_024;
const runBytes = 56;
const characterBytes = 2;

function bytesOf(stream: ManagedStream, key: string): number {
  const { id, account, resource, alias } = stream;
  const texts = [key, id, account, resource, alias.shownResource ?? ''];
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return streamBytes + characterBytes * characters + runBytes * runsOf(stream);
}

function runsOf({ toGatekeeper, toClient }: ManagedStream): number {
  return toGatekeeper.runs + toClient.runs;
}

/** Returns the key of a stream. Names of gatekeepers have no white space. */
function keyOf(gatekeeper: string, id: string): string {
  return `${gatekeeper} ${id}`;
}
