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
 *  - `ack`: exactly one acknowledgement. A sender without one repeats the stanza, or waits.
 *  - `refusal`: an error, optionally.
 *  - `nothing`: an error would answer an answer (RFC 6120 §8.3.1), or the sender waits for nothing. */
export type Owed = 'answer' | 'ack' | 'refusal' | 'nothing';

/** What is owed for the stanzas of a row in one direction. */
export interface OwedByType {
  /** By the value of `type`. */
  readonly byType: Readonly<Record<string, Owed>>;
  /** For any other value of `type`, or without one. */
  readonly otherwise: Owed;
}

/** Says which stanzas an element answers or acknowledges. */
export interface Answering {
  /** Their kind, or the attribute that names it. */
  readonly of: StanzaKind | { readonly attribute: string };
  /** Values of `type` with which it does; every value by default. */
  readonly types?: readonly string[];
  /** Values of `type` with which it does not. */
  readonly exceptTypes?: readonly string[];
  /** Children with the ids of more stanzas: the name of the list, and of an item with an `id`. */
  readonly more?: readonly [list: string, item: string];
  /** What leaves in its place when it is withheld: `error`, the same element with an error as its content; `bare`, the
   *  same element without content; `owed`, what the proxy would have sent for the answered stanza. */
  readonly withheld: 'error' | 'bare' | 'owed';
}

/** Whether an acknowledgement repeats the `type` of the stanza: `never`, or unless it has this type and child. */
export type TypeInAck = 'never' | { readonly unlessType: string; readonly unlessChild: string };

export interface StanzaRow {
  readonly local: string;
  readonly kind: Exclude<StanzaKind, 'nonza'>;
  /** By the direction of the stanza. */
  readonly owes: Readonly<Record<Direction, OwedByType>>;
  readonly answers?: Answering;
  /** By default it does. */
  readonly typeInAck?: TypeInAck;
}

/** Attributes of a reply, each with the attribute of the stanza whose value it copies. */
export type CopiedAttributes = readonly (readonly [name: string, of: string])[];

/** How the acknowledgement of a stanza is written. */
export interface AckForm {
  readonly attributes: CopiedAttributes;
  /** Attribute with the code of an error; undefined where none is written. */
  readonly errorAttribute?: string;
}

/** Acknowledgements of single stanzas. */
export interface Acks {
  readonly local: string;
  /** Attribute with the local name of the stanza. */
  readonly classAttribute: string;
  /** By the direction of the stanza: the acknowledgement goes the other way. */
  readonly forms: Readonly<Record<Direction, AckForm>>;
  /** Returns the code of a condition of RFC 6120 §8.3.3. */
  readonly errorCode: (condition: string) => number;
}

export interface StanzaProtocol {
  /** Namespace name of the protocol's stanzas. */
  readonly namespace: string;
  /** Namespace names by prefix, as the stream header declares them; '' for the default namespace. */
  readonly declarations: ReadonlyMap<string, string>;
  readonly stanzas: readonly StanzaRow[];
  /** Attributes with the address of the other party, by direction. The first one that names a party is used. */
  readonly partyAttributes: Readonly<Record<Direction, readonly string[]>>;
  /** Returns the key of the party at an address; '' for an address that names none. Stanzas with the same key keep
   *  their order. */
  readonly partyOf: (address: string) => string;
  readonly replyAttributes: CopiedAttributes;
  /** Writes the content of a refusal.
   *  @param condition of RFC 6120 §8.3.3
   *  @param declaration attributes of the content element before its own */
  readonly refusalContent: (condition: string, declaration?: string) => string;
  /** Whether attributes may be written as children (marked-attributes.ts). */
  readonly marksAttributes?: true;
  /** Undefined where stanzas are acknowledged by counts (XEP-0198), or not at all. */
  readonly acks?: Acks;
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

/** Returns what is owed for stanzas for which the direction makes no difference. */
function bothWays(byType: OwedByType['byType'], otherwise: Owed): StanzaRow['owes'] {
  const owed = { byType, otherwise };
  return { 'to-gatekeeper': owed, 'to-client': owed };
}

/** An iq is answered by one with its id (RFC 6120 §8.2.3). In both protocols. */
export const iqRow: StanzaRow = {
  local: 'iq',
  kind: 'iq',
  owes: bothWays({ result: 'nothing', error: 'nothing' }, 'answer'),
  answers: { of: 'iq', types: ['result', 'error'], withheld: 'error' },
};

/** The stanzas of XMPP clients (RFC 6120 §8). */
export const xmppStanzas: StanzaProtocol = {
  namespace: ns.client,
  declarations: new Map([
    ['', ns.client],
    ['stream', ns.streams],
  ]),
  stanzas: [
    { local: 'message', kind: 'message', owes: bothWays({ error: 'nothing' }, 'refusal') },
    iqRow,
    { local: 'presence', kind: 'presence', owes: bothWays({ error: 'nothing' }, 'refusal') },
  ],
  partyAttributes: { 'to-gatekeeper': ['to'], 'to-client': ['from'] },
  // The bare JID; '' for the account itself and its server.
  partyOf: (address) => prepareBare(bareJid(address)),
  replyAttributes: [
    ['from', 'to'],
    ['id', 'id'],
    ['to', 'from'],
  ],
  refusalContent: (condition, declaration = '') =>
    `<error${declaration} type='${errorTypes[condition] ?? 'cancel'}'><${condition} xmlns='${ns.stanzaErrors}'/></error>`,
};

/** Returns what the sender of a stanza of this row is owed. */
export function owedBy({ owes }: StanzaRow, direction: Direction, type: string): Owed {
  const { byType, otherwise } = owes[direction];
  return Object.hasOwn(byType, type) ? byType[type]! : otherwise;
}
