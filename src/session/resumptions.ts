/** What stream management needs to outlive a connection on this process (XEP-0198 §5): counters, never stanzas.
 *  Another process knows nothing of them and fails a resumption cleanly. */
import { LRUCache } from 'lru-cache';
import type { AckWindow } from './ack-window.ts';

/** The counters of one managed stream. Belongs to the connection that resumed it last. */
export interface ManagedStream {
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  toGatekeeper: AckWindow;
  toClient: AckWindow;
  /** Another connection has resumed it: these counters are of the past. */
  superseded?: boolean;
}

export interface ResumptionLimits {
  /** Streams remembered, live ones included; the least recently used is forgotten first. */
  readonly resumptionsMax: number;
  /** Runs of stanzas that nobody has acknowledged, of all streams together when their connections ended. */
  readonly resumptionRunsMax: number;
  /** Characters of an identifier; a stream with a longer one cannot be resumed (XEP-0198 §3). */
  readonly identifierCharactersMax: number;
  /** How long after the end of its connection, in milliseconds, whatever the gatekeeper has promised. */
  readonly resumptionMs: number;
}

export const defaultResumptionLimits: ResumptionLimits = {
  resumptionsMax: 100_000,
  resumptionRunsMax: 1_000_000,
  identifierCharactersMax: 4_000,
  resumptionMs: 3_600_000,
};

/** By gatekeeper and SM-ID. */
export class Resumptions {
  readonly #limits: ResumptionLimits;
  readonly #streams: LRUCache<string, ManagedStream>;

  /** @param now monotonic milliseconds */
  constructor(limits: Partial<ResumptionLimits> = {}, now = (): number => performance.now()) {
    this.#limits = { ...defaultResumptionLimits, ...limits };
    const { resumptionsMax, resumptionRunsMax } = this.#limits;
    this.#streams = new LRUCache({
      max: resumptionsMax,
      maxSize: resumptionsMax + resumptionRunsMax,
      perf: { now },
      sizeCalculation: ({ toGatekeeper, toClient }) => 1 + toGatekeeper.runs + toClient.runs,
    });
  }

  find(gatekeeper: string, id: string): ManagedStream | undefined {
    return this.#streams.get(keyOf(gatekeeper, id));
  }

  /** Of a live connection, however long it lasts. */
  remember(gatekeeper: string, id: string, stream: ManagedStream): void {
    this.#keep(gatekeeper, id, stream, 0);
  }

  /** Its connection has ended. */
  release(gatekeeper: string, id: string, stream: ManagedStream): void {
    if (stream.superseded !== true) this.#keep(gatekeeper, id, stream, this.#limits.resumptionMs);
  }

  forget(gatekeeper: string, id: string): void {
    this.#streams.delete(keyOf(gatekeeper, id));
  }

  #keep(gatekeeper: string, id: string, stream: ManagedStream, ttl: number): void {
    if (id.length > this.#limits.identifierCharactersMax) return;
    this.#streams.set(keyOf(gatekeeper, id), stream, { ttl });
  }
}

/** Names of gatekeepers hold no white space. */
function keyOf(gatekeeper: string, id: string): string {
  return `${gatekeeper} ${id}`;
}
