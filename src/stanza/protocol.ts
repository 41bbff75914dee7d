/** The stanzas of a gatekeeper's protocol, as data: which elements are stanzas, what their sender must be sent when
 *  the proxy drops one, which address is the other party's, and how an answer or a refusal is written. Scanner,
 *  relay, guard and the writers of answers read it; a second protocol is another value of `StanzaProtocol`. */
import { bareJid, prepareBare } from './jid.ts';
import type { Direction } from './direction.ts';
import { ns } from './namespaces.ts';

/** Kinds of stanza. Every other element at the top level of a stream is a nonza (XEP-0360). */
export const stanzaKinds = [
  // Of both protocols: RFC 6120 §8.
  'message',
  'presence',
  'iq',
  // Of the chat channel only.
  'receipt',
  'ack',
  'notification',
  'call',
  'chatstate',
  'status',
  'ib',
] as const;

export type StanzaKind = (typeof stanzaKinds)[number] | 'nonza';

/** What the sender of a stanza must or may be sent when it is not delivered.
 *  - `answer`: exactly one answer, a result or an error (RFC 6120 §8.2.3).
 *  - `refusal`: an error, optionally.
 *  - `nothing`: an error would answer an answer (RFC 6120 §8.3.1). */
export type Owed = 'answer' | 'refusal' | 'nothing';

export interface StanzaRow {
  readonly local: string;
  readonly kind: Exclude<StanzaKind, 'nonza'>;
  /** What is owed, by the value of `type`. */
  readonly owes: Readonly<Record<string, Owed>>;
  /** What is owed for any other value of `type`, or without one. */
  readonly owesOtherwise: Owed;
}

export interface StanzaProtocol {
  /** Namespace name of the protocol's stanzas. */
  readonly namespace: string;
  readonly stanzas: readonly StanzaRow[];
  /** Attributes with the address of the other party, by direction. The first one that names a party is used. */
  readonly partyAttributes: Readonly<Record<Direction, readonly string[]>>;
  /** Returns the key of the party at an address; '' for an address that names none. Stanzas with the same key keep
   *  their order. */
  readonly partyOf: (address: string) => string;
  /** Attributes of an answer or a refusal, each with the attribute of the stanza whose value it copies. */
  readonly replyAttributes: readonly (readonly [name: string, of: string])[];
  /** Writes the content of a refusal.
   *  @param condition of RFC 6120 §8.3.3 */
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

/** The stanzas of XMPP clients (RFC 6120 §8). */
export const xmppStanzas: StanzaProtocol = {
  namespace: ns.client,
  stanzas: [
    { local: 'message', kind: 'message', owes: { error: 'nothing' }, owesOtherwise: 'refusal' },
    { local: 'iq', kind: 'iq', owes: { result: 'nothing', error: 'nothing' }, owesOtherwise: 'answer' },
    { local: 'presence', kind: 'presence', owes: { error: 'nothing' }, owesOtherwise: 'refusal' },
  ],
  partyAttributes: { 'to-gatekeeper': ['to'], 'to-client': ['from'] },
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

/** Returns what the sender of a stanza of this kind and `type` is owed; `nothing` for a nonza. */
export function owedBy({ stanzas }: StanzaProtocol, kind: StanzaKind, type: string): Owed {
  const row = stanzas.find((each) => each.kind === kind);
  if (row === undefined) return 'nothing';
  return Object.hasOwn(row.owes, type) ? row.owes[type]! : row.owesOtherwise;
}
