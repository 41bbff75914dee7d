/** What one device has yet to acknowledge. A stanza stays here until it is settled: by an `ack`, or for a message by
 *  a receipt; what is not settled is sent again at the next login. */
import type { ChatNode } from './node.ts';

/** Kinds of stanzas that a client owes an `ack` for. */
export const owingTags: ReadonlySet<string> = new Set(['message', 'receipt', 'notification', 'call']);

/** Counts of one gatekeeper, over all devices. */
export interface DeliveryCounts {
  /** Stanzas that were put into a mailbox. */
  accepted: number;
  /** Stanzas that were sent, each time counted. */
  sent: number;
  /** Those of them that had been sent before. */
  sentAgain: number;
  settled: number;
  /** Acknowledgements of what was settled already: Baileys sends a receipt and an ack for a message. */
  settledAgain: number;
  /** Acknowledgements of what the device was never sent. */
  unfounded: number;
  /** Stanzas for which a mailbox had no room. */
  refused: number;
}

export function noDeliveries(): DeliveryCounts {
  return { accepted: 0, sent: 0, sentAgain: 0, settled: 0, settledAgain: 0, unfounded: 0, refused: 0 };
}

interface Kept {
  readonly node: ChatNode;
  /** The connection that it was sent on last; undefined before. */
  connectionId: number | undefined;
  /** Milliseconds since 1970 of that. */
  sentAt: number;
}

/** What names a stanza in an acknowledgement. */
export interface Acknowledged {
  /** `class` of the ack: the tag of the stanza. */
  readonly tag: string;
  readonly id: string;
  /** `to` of the ack: `from` of the stanza. */
  readonly from: string;
}

export interface MailboxOptions {
  readonly stanzasMax: number;
  readonly counts: DeliveryCounts;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

/** Settled stanzas that are remembered, to tell a second acknowledgement from an unfounded one. */
const settledMax = 100_000;

export class Mailbox {
  readonly #options: MailboxOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #settled = new Set<string>();

  constructor(options: MailboxOptions) {
    this.#options = options;
  }

  /** The stanzas that are not settled, in order. */
  get stanzas(): readonly ChatNode[] {
    return [...this.#kept.values()].map(({ node }) => node);
  }

  /** Keeps a stanza.
   *  @returns false when there is no room */
  put(node: ChatNode): boolean {
    const { counts, stanzasMax } = this.#options;
    if (this.#kept.size >= stanzasMax) {
      counts.refused += 1;
      return false;
    }
    counts.accepted += 1;
    // One that is sent again under its id, as a retry is, takes the place of the first.
    this.#kept.set(keyOf(namesOf(node)), { node, connectionId: undefined, sentAt: 0 });
    return true;
  }

  /** Sends on a connection what was not sent on it yet.
   *  @returns the number of stanzas */
  sendTo(connectionId: number, send: (node: ChatNode) => void): number {
    const { counts, now } = this.#options;
    let sent = 0;
    for (const kept of this.#kept.values()) {
      if (kept.connectionId === connectionId) continue;
      if (kept.connectionId !== undefined) counts.sentAgain += 1;
      kept.connectionId = connectionId;
      kept.sentAt = now();
      counts.sent += 1;
      sent += 1;
      send(kept.node);
    }
    return sent;
  }

  /** Settles a stanza.
   *  @returns the stanza; undefined when it was settled before, or never sent */
  settle(named: Acknowledged): ChatNode | undefined {
    const { counts } = this.#options;
    const key = keyOf(named);
    const kept = this.#kept.get(key);
    if (kept?.connectionId !== undefined) {
      counts.settled += 1;
      this.#kept.delete(key);
      this.#remember(key);
      return kept.node;
    }
    if (this.#settled.has(key)) counts.settledAgain += 1;
    else counts.unfounded += 1;
    return undefined;
  }

  /** Returns the first stanza that was sent on this connection before a moment, and is not settled. */
  overdue(connectionId: number, before: number): ChatNode | undefined {
    for (const kept of this.#kept.values())
      if (kept.connectionId === connectionId && kept.sentAt <= before) return kept.node;
    return undefined;
  }

  #remember(key: string): void {
    if (this.#settled.size >= settledMax) {
      const [oldest] = this.#settled;
      this.#settled.delete(oldest!);
    }
    this.#settled.add(key);
  }
}

export function namesOf({ tag, attrs }: ChatNode): Acknowledged {
  return { tag, id: attrs['id'] ?? '', from: attrs['from'] ?? '' };
}

function keyOf({ tag, id, from }: Acknowledged): string {
  return JSON.stringify([tag, id, from]);
}
