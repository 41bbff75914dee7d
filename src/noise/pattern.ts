/** Handshake patterns as data (Noise Protocol Framework, revision 34, §7, §10.4). A new pattern is a new row,
 *  without new code. */

/** A step of a message: a public key that is sent, or a Diffie-Hellman result that is mixed into the key. The first
 *  letter of a result names the initiator's key, the second the responder's. */
export type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss';

export type Role = 'initiator' | 'responder';

export interface MessagePattern {
  readonly from: Role;
  readonly tokens: readonly Token[];
}

export interface Pattern {
  /** Name of the pattern in the protocol name. */
  readonly name: string;
  /** Public keys that both sides have before the first message (§7.1). */
  readonly known: readonly { readonly of: Role; readonly key: 'e' | 's' }[];
  /** Messages in the order in which they are sent. */
  readonly messages: readonly MessagePattern[];
  /** The role that sends with the first of the two transport keys. */
  readonly firstKey: Role;
}

/** XX: both static keys are sent, encrypted. */
export const xx: Pattern = {
  name: 'XX',
  known: [],
  messages: [
    { from: 'initiator', tokens: ['e'] },
    { from: 'responder', tokens: ['e', 'ee', 's', 'es'] },
    { from: 'initiator', tokens: ['s', 'se'] },
  ],
  firstKey: 'initiator',
};

/** IK: the initiator has the responder's static key, and may send a payload with its first message. */
export const ik: Pattern = {
  name: 'IK',
  known: [{ of: 'responder', key: 's' }],
  messages: [
    { from: 'initiator', tokens: ['e', 'es', 's', 'ss'] },
    { from: 'responder', tokens: ['e', 'ee', 'se'] },
  ],
  firstKey: 'initiator',
};

/** XXfallback: continues an IK handshake whose first message the responder could not read; both have that message's
 *  ephemeral key. The roles keep their names, and the transport keys are ordered as if the responder had begun. */
export const xxFallback: Pattern = {
  name: 'XXfallback',
  known: [{ of: 'initiator', key: 'e' }],
  messages: [
    { from: 'responder', tokens: ['e', 'ee', 's', 'es'] },
    { from: 'initiator', tokens: ['s', 'se'] },
  ],
  firstKey: 'responder',
};
