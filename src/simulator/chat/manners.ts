/** What a client owes for what it receives: acknowledgements, receipts, answers to pings. */
import { ownServer } from './address.ts';
import { childOf } from './requests.ts';
import type { ChatNode } from './node.ts';

/** Returns what a client sends for a node that it received. */
export type Manners = (node: ChatNode) => readonly ChatNode[];

/** How a client settles a message: a receipt, an ack, or both, as Baileys does. */
export interface MannersOptions {
  readonly message?: 'receipt' | 'ack' | 'both' | 'none';
  /** `type` of the receipt: none for a client in the foreground, `inactive` for one in the background. */
  readonly receiptType?: string;
  /** Whether receipts, notifications and calls are acknowledged. Default: true. */
  readonly others?: boolean;
}

/** Makes the manners of a client. It also answers pings, and fetches the backlog. */
export function mannersOf({ message = 'receipt', receiptType, others = true }: MannersOptions): Manners {
  return (node) => {
    const { tag, attrs } = node;
    if (tag === 'message') {
      const receipt = message === 'receipt' || message === 'both' ? [receiptFor(node, receiptType)] : [];
      return message === 'ack' || message === 'both' ? [...receipt, ackFor(node)] : receipt;
    }
    if (tag === 'receipt' || tag === 'notification' || tag === 'call') return others ? [ackFor(node)] : [];
    if (tag === 'iq' && attrs['type'] === 'get' && attrs['xmlns'] === 'urn:xmpp:ping')
      return [
        { tag: 'iq', attrs: { type: 'result', to: attrs['from'] ?? ownServer, id: attrs['id'] ?? '' } },
      ];
    if (tag === 'ib' && childOf(node, 'offline_preview') !== undefined)
      return [{ tag: 'ib', attrs: {}, content: [{ tag: 'offline_batch', attrs: { count: '100' } }] }];
    return [];
  };
}

export const honest: Manners = mannersOf({});

/** Returns the delivery receipt for a message. */
export function receiptFor({ attrs }: ChatNode, type: string | undefined): ChatNode {
  const { id = '', from = '', participant, recipient } = attrs;
  return { tag: 'receipt', attrs: present({ id, to: from, type, participant, recipient }) };
}

/** Returns the acknowledgement of a stanza. */
export function ackFor({ tag, attrs }: ChatNode): ChatNode {
  const { id = '', from = '', type, participant, recipient } = attrs;
  return { tag: 'ack', attrs: present({ class: tag, id, to: from, type, participant, recipient }) };
}

function present(attrs: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attrs).filter((one): one is [string, string] => one[1] !== undefined),
  );
}
