/** The stanzas of a gatekeeper's protocol, as data: which elements are stanzas, what the sender of one is owed when the
 *  proxy keeps it, who the other party is, and how an answer or a refusal is written. Scanner, relay, guard and the
 *  writers of answers read it; a second protocol is another value of `StanzaProtocol`. */
import { bareJid, prepareBare } from './jid.ts';
import type { Direction } from './direction.ts';
import { ns } from './namespaces.ts';

/** Message, presence and iq in the stream's content namespace are stanzas (RFC 6120 §8); everything else at the
 *  top level of a stream is a nonza (XEP-0360). */
export type StanzaKind = 'message' | 'presence' | 'iq' | 'nonza';

/** What the sender of a stanza is owed when it is not delivered:
 *  - `answer`: it waits for exactly one, a result or an error (RFC 6120 §8.2.3).
 *  - `refusal`: it may be sent an error.
 *  - `nothing`: an error would answer an answer (RFC 6120 §8.3.1). */
export type Owed = 'answer' | 'refusal' | 'nothing';

export interface StanzaRow {
  readonly local: string;
  readonly kind: Exclude<StanzaKind, 'nonza'>;
  /** By the value of `type`. */
  readonly owes: Readonly<Record<string, Owed>>;
  /** For every other value, and for none. */
  readonly owesOtherwise: Owed;
}

export interface StanzaProtocol {
  /** Namespace name of its stanzas. */
  readonly namespace: string;
  readonly stanzas: readonly StanzaRow[];
  /** Attribute that names the other party of a stanza that travels this way. */
  readonly partyAttribute: Readonly<Record<Direction, string>>;
  /** The other party of an address: stanzas with the same one keep their order. */
  readonly partyOf: (address: string) => string;
  /** Attributes of an answer or a refusal, each with that of the stanza whose value it has. */
  readonly replyAttributes: readonly (readonly [name: string, of: string])[];
  /** Content of a refusal. @param condition of RFC 6120 §8.3.3 */
  readonly refusalContent: (condition: string) => string;
}

/** The type that RFC 6120 §8.3.3 associates with each condition. */
const errorTypes: Readonly<Record<string, string>> = {
  'policy-violation': 'modify',
  forbidden: 'auth',
  'not-allowed': 'cancel',
  'not-acceptable': 'modify',
  'service-unavailable': 'cancel',
  'feature-not-implemented': 'cancel',
  'item-not-found': 'cancel',
};

/** RFC 6120 §8, for clients. */
export const xmppStanzas: StanzaProtocol = {
  namespace: ns.client,
  stanzas: [
    { local: 'message', kind: 'message', owes: { error: 'nothing' }, owesOtherwise: 'refusal' },
    { local: 'iq', kind: 'iq', owes: { result: 'nothing', error: 'nothing' }, owesOtherwise: 'answer' },
    { local: 'presence', kind: 'presence', owes: { error: 'nothing' }, owesOtherwise: 'refusal' },
  ],
  partyAttribute: { 'to-gatekeeper': 'to', 'to-client': 'from' },
  // The bare JID; '' for the account itself and its server.
  partyOf: (address) => prepareBare(bareJid(address)),
  replyAttributes: [
    ['from', 'to'],
    ['id', 'id'],
    ['to', 'from'],
  ],
  refusalContent: (condition) =>
    `<error type='${errorTypes[condition] ?? 'cancel'}'><${condition} xmlns='${ns.stanzaErrors}'/></error>`,
};

/** @returns what the sender of a stanza of this kind and `type` is owed; nothing for a nonza */
export function owedBy({ stanzas }: StanzaProtocol, kind: StanzaKind, type: string): Owed {
  const row = stanzas.find((each) => each.kind === kind);
  if (row === undefined) return 'nothing';
  return Object.hasOwn(row.owes, type) ? row.owes[type]! : row.owesOtherwise;
}
