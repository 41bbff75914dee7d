/** The stanzas of the chat channel, in their XML form, and what is owed for each (docs/chat-channel.md). Nodes that
 *  open, end or refuse a connection (`success`, `failure`, `stream:error`, `xmlstreamend`) are nonzas. */
import { ns } from './namespaces.ts';
import { iqRow, type Owed, type StanzaProtocol, type StanzaRow } from './protocol.ts';

/** Returns what is owed by direction, whatever the type. */
function owes(toClient: Owed, toGatekeeper: Owed = 'nothing'): StanzaRow['owes'] {
  return {
    'to-client': { byType: {}, otherwise: toClient },
    'to-gatekeeper': { byType: {}, otherwise: toGatekeeper },
  };
}

/** Codes of the errors that correspond to the conditions of RFC 6120 §8.3.3. */
const errorCodes: Readonly<Record<string, number>> = {
  'policy-violation': 406,
  forbidden: 403,
  'not-allowed': 405,
  'not-acceptable': 406,
  'service-unavailable': 503,
  'feature-not-implemented': 501,
  'item-not-found': 404,
};

/** The server repeats a message, receipt, notification, call or status until the client acknowledges it. A client
 *  waits for the acknowledgement of its message. Requests are answered. */
export const chatStanzas: StanzaProtocol = {
  namespace: ns.chat,
  declarations: new Map([
    ['', ns.chat],
    ['n', ns.chatMarks],
    ['stream', ns.streams],
  ]),
  stanzas: [
    { local: 'message', kind: 'message', owes: owes('ack', 'ack'), typeInAck: 'never' },
    {
      local: 'receipt',
      kind: 'receipt',
      owes: owes('ack'),
      // A retry asks for the message again, and a server error is about its media.
      answers: {
        of: 'message',
        exceptTypes: ['retry', 'server-error'],
        more: ['list', 'item'],
        withheld: 'owed',
      },
    },
    {
      local: 'ack',
      kind: 'ack',
      owes: owes('nothing'),
      answers: { of: { attribute: 'class' }, withheld: 'bare' },
    },
    iqRow,
    {
      local: 'notification',
      kind: 'notification',
      owes: owes('ack'),
      typeInAck: { unlessType: 'encrypt', unlessChild: 'identity' },
    },
    { local: 'presence', kind: 'presence', owes: owes('nothing') },
    { local: 'chatstate', kind: 'chatstate', owes: owes('nothing') },
    { local: 'call', kind: 'call', owes: owes('ack') },
    { local: 'status', kind: 'status', owes: owes('ack') },
    { local: 'ib', kind: 'ib', owes: owes('nothing') },
  ],
  // What another device of the account has sent names the recipient. In a broadcast the participant is the sender.
  partyAttributes: {
    'to-gatekeeper': ['recipient', 'to', 'participant'],
    'to-client': ['recipient', 'from', 'participant'],
  },
  partyOf,
  replyAttributes: [
    ['id', 'id'],
    ['to', 'from'],
    ['from', 'to'],
  ],
  refusalContent: (condition, declaration = '') =>
    `<error${declaration} code='${codeOf(condition)}' text='${condition}'/>`,
  marksAttributes: true,
  acks: {
    local: 'ack',
    classAttribute: 'class',
    forms: {
      'to-client': {
        attributes: [
          ['id', 'id'],
          ['to', 'from'],
          ['type', 'type'],
          ['participant', 'participant'],
          ['recipient', 'recipient'],
        ],
      },
      'to-gatekeeper': {
        attributes: [
          ['id', 'id'],
          ['from', 'to'],
          ['participant', 'participant'],
          ['recipient', 'recipient'],
        ],
        errorAttribute: 'error',
      },
    },
    errorCode: codeOf,
  },
};

function codeOf(condition: string): number {
  return errorCodes[condition] ?? 500;
}

/** Returns a JID without agent and device: `user_agent:device@server` is `user@server`; '' for the server itself and
 *  for a broadcast, which is not a party. */
function partyOf(jid: string): string {
  const at = jid.lastIndexOf('@');
  if (at < 1 || jid.endsWith('@broadcast')) return '';
  const end = withoutNumber(jid, withoutNumber(jid, at, ':'), '_');
  return end === at ? jid : jid.slice(0, end) + jid.slice(at);
}

/** Returns the end of `jid[0, end)` without a number after this separator. */
function withoutNumber(jid: string, end: number, separator: string): number {
  let at = end;
  while (at > 0 && isDigit(jid.charCodeAt(at - 1))) at -= 1;
  return at < end && jid[at - 1] === separator ? at - 1 : end;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
