import { attribute, child, element, type Element } from '../xml/element.ts';
import { namespaces } from '../namespaces.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Account } from './accounts.ts';

/** A message was stored for a user who is offline. */
export interface OfflineRecord {
  /** Bare JID of the recipient. */
  readonly recipient: string;
  /** Bare JID of the sender. */
  readonly sender: string;
  /** The message's id; undefined without one. */
  readonly messageId: string | undefined;
  /** Number of messages that wait now. */
  readonly count: number;
  /** Nodes that wake the recipient's devices (XEP-0357 §5). */
  readonly pushNodes: readonly string[];
}

/** Stores messages for users who are offline (XEP-0160) until they are back. */
export class OfflineMessages {
  readonly #domain: string;
  readonly #messagesMax: number;
  readonly #now: () => number;
  readonly #kept = new Map<Account, Element[]>();

  /** @param messagesMax messages per account */
  constructor(domain: string, messagesMax: number, now: () => number) {
    this.#domain = domain;
    this.#messagesMax = messagesMax;
    this.#now = now;
  }

  /** Stores a message with a time stamp (XEP-0203).
   *  @returns number of waiting messages; undefined when it must not be stored, or there is no room */
  keep(account: Account, message: Element): number | undefined {
    const kept = this.#kept.get(account) ?? [];
    if (!isWorthKeeping(message) || kept.length >= this.#messagesMax) return undefined;
    const stamp = new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const delay = element(namespaces.delay, 'delay', { from: this.#domain, stamp });
    this.#kept.set(account, [...kept, { ...message, children: [...message.children, delay] }]);
    return kept.length + 1;
  }

  /** Returns the messages of an account in order, and removes them. */
  take(account: Account): readonly Element[] {
    const kept = this.#kept.get(account) ?? [];
    this.#kept.delete(account);
    return kept;
  }
}

/** Returns whether a message is stored (XEP-0160 §3): `chat` and `normal`, unless its hints forbid it (XEP-0334
 *  §4.2). */
function isWorthKeeping(message: Element): boolean {
  const type = attribute(message, 'type') ?? 'normal';
  const noStore = child(message, namespaces.hints, 'no-store') !== undefined;
  return message.namespace === ns.client && (type === 'chat' || type === 'normal') && !noStore;
}
