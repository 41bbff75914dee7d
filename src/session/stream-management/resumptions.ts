/** The state of stream management that outlives a connection in this process (XEP-0198 §5): counters, never stanzas.
 *  Another process has none of it, and fails a resumption. */
import { LRUCache } from 'lru-cache';
import { runsMax, type AckWindow } from './ack-window.ts';
import type { ResourceAlias } from '../facts.ts';

/** The counters of one managed stream. Belongs to the connection that resumed it last. */
export interface ManagedStream {
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  readonly alias: ResourceAlias;
  toGatekeeper: AckWindow;
  toClient: AckWindow;
  /** Whether another connection has resumed the stream; these counters are then outdated. */
  superseded?: boolean;
}

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

  /** @param now returns monotonic milliseconds */
  constructor(limits: Partial<ResumptionLimits> = {}, now = (): number => performance.now()) {
    this.#limits = { ...defaultResumptionLimits, ...limits };
    const { resumptionsMax, resumptionBytesMax } = this.#limits;
    this.#streams = new LRUCache({
      max: resumptionsMax,
      maxSize: resumptionBytesMax,
      perf: { now },
      sizeCalculation: bytesOf,
      dispose: (stream, key) => this.#takeFromShare(stream, key),
    });
  }

  /** Returns the number of streams, and their estimated memory in bytes. */
  get size(): { readonly streams: number; readonly bytes: number } {
    return { streams: this.#streams.size, bytes: this.#streams.calculatedSize };
  }

  find(gatekeeper: string, id: string): ManagedStream | undefined {
    return this.#streams.get(keyOf(gatekeeper, id));
  }

  /** Keeps the stream of a live connection, without a time limit. */
  remember(gatekeeper: string, id: string, stream: ManagedStream): void {
    this.#keep(gatekeeper, id, stream, 0);
  }

  /** Keeps the stream of an ended connection for `resumptionMs`. */
  release(gatekeeper: string, id: string, stream: ManagedStream): void {
    if (stream.superseded !== true) this.#keep(gatekeeper, id, stream, this.#limits.resumptionMs);
  }

  forget(gatekeeper: string, id: string): void {
    this.#streams.delete(keyOf(gatekeeper, id));
  }

  #keep(gatekeeper: string, id: string, stream: ManagedStream, ttl: number): void {
    if (id.length > this.#limits.identifierCharactersMax) return;
    const key = keyOf(gatekeeper, id);
    // The cache keeps the first size of a value that it has already.
    this.#streams.delete(key);
    this.#streams.set(key, stream, { ttl });
    this.#addToShare(stream, key);
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
