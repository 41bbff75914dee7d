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
}

export interface ResumptionLimits {
  /** Streams remembered, live ones included; the least recently used is forgotten first. */
  readonly resumptionsMax: number;
  /** How long, in milliseconds, whatever the gatekeeper has promised. */
  readonly resumptionMs: number;
}

export const defaultResumptionLimits: ResumptionLimits = { resumptionsMax: 100_000, resumptionMs: 3_600_000 };

/** By gatekeeper and SM-ID. */
export class Resumptions {
  readonly #streams: LRUCache<string, ManagedStream>;

  constructor({ resumptionsMax, resumptionMs }: ResumptionLimits = defaultResumptionLimits) {
    this.#streams = new LRUCache({ max: resumptionsMax, ttl: resumptionMs, updateAgeOnGet: false });
  }

  find(gatekeeper: string, id: string): ManagedStream | undefined {
    return this.#streams.get(keyOf(gatekeeper, id));
  }

  remember(gatekeeper: string, id: string, stream: ManagedStream): void {
    this.#streams.set(keyOf(gatekeeper, id), stream);
  }

  forget(gatekeeper: string, id: string): void {
    this.#streams.delete(keyOf(gatekeeper, id));
  }
}

/** Names of gatekeepers hold no white space. */
function keyOf(gatekeeper: string, id: string): string {
  return `${gatekeeper} ${id}`;
}
