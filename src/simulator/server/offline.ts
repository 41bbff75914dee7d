import { attribute, child, element, type Element } from '../xml/element.ts';
import { namespaces } from '../namespaces.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Account } from './accounts.ts';

/** A message was kept for a user who is away. */
export interface OfflineRecord {
  /** Bare JID of whom it waits for. */
  readonly recipient: string;
  /** Bare JID of who wrote it. */
  readonly sender: string;
  /** Its id, or undefined. */
  readonly messageId: string | undefined;
  /** Messages that wait now. */
  readonly count: number;
  /** Nodes under which the recipient's devices can be woken (XEP-0357 §5). */
  readonly pushNodes: readonly string[];
}

/** Messages for users who are away (XEP-0160), each kept until its recipient comes back. */
export class OfflineMessages {
  readonly #domain: string;
  readonly #messagesMax: number;
  readonly #now: () => number;
  readonly #kept = new Map<Account, Element[]>();

  /** @param messagesMax per account. */
  constructor(domain: string, messagesMax: number, now: () => number) {
    this.#domain = domain;
    this.#messagesMax = messagesMax;
    this.#now = now;
  }

  /** Keeps it, stamped with the time (XEP-0203). Answers with how many wait, or undefined when it is not to be kept or
   *  there is no room. */
  keep(account: Account, message: Element): number | undefined {
    const kept = this.#kept.get(account) ?? [];
    if (!isWorthKeeping(message) || kept.length >= this.#messagesMax) return undefined;
    const stamp = new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const delay = element(namespaces.delay, 'delay', { from: this.#domain, stamp });
    this.#kept.set(account, [...kept, { ...message, children: [...message.children, delay] }]);
    return kept.length + 1;
  }

  /** Those kept for an account, in order; they are kept no longer. */
  take(account: Account): readonly Element[] {
    const kept = this.#kept.get(account) ?? [];
    this.#kept.delete(account);
    return kept;
  }
}

/** XEP-0160 §3: `chat` and `normal`, unless the sender says no (XEP-0334 §4.2). */
function isWorthKeeping(message: Element): boolean {
  const type = attribute(message, 'type') ?? 'normal';
  const noStore = child(message, namespaces.hints, 'no-store') !== undefined;
  return message.namespace === ns.client && (type === 'chat' || type === 'normal') && !noStore;
}
