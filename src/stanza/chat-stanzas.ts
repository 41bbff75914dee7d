/** The stanzas of the chat channel, in their XML form (docs/chat-channel.md). Nodes that open, end or refuse a
 *  connection (`success`, `failure`, `stream:error`, `xmlstreamend`) are nonzas. */
import { ns } from './namespaces.ts';
import type { StanzaProtocol } from './protocol.ts';

export const chatStanzas: StanzaProtocol = {
  namespace: ns.chat,
  stanzas: [
    { local: 'message', kind: 'message', owes: {}, owesOtherwise: 'nothing' },
    { local: 'iq', kind: 'iq', owes: { result: 'nothing', error: 'nothing' }, owesOtherwise: 'answer' },
    { local: 'presence', kind: 'presence', owes: {}, owesOtherwise: 'nothing' },
    { local: 'receipt', kind: 'receipt', owes: {}, owesOtherwise: 'nothing' },
    { local: 'ack', kind: 'ack', owes: {}, owesOtherwise: 'nothing' },
    { local: 'notification', kind: 'notification', owes: {}, owesOtherwise: 'nothing' },
    { local: 'call', kind: 'call', owes: {}, owesOtherwise: 'nothing' },
    { local: 'chatstate', kind: 'chatstate', owes: {}, owesOtherwise: 'nothing' },
    { local: 'status', kind: 'status', owes: {}, owesOtherwise: 'nothing' },
    { local: 'ib', kind: 'ib', owes: {}, owesOtherwise: 'nothing' },
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
  refusalContent: (condition) => `<error text='${condition}'/>`,
};

/** Returns a JID without agent and device: `user_agent:device@server` is `user@server`; '' for the server itself and
 *  for a broadcast, which is not a party. */
function partyOf(jid: string): string {
  const at = jid.lastIndexOf('@');
  if (at < 1) return '';
  const server = jid.slice(at + 1);
  if (server === 'broadcast') return '';
  return `${jid.slice(0, at).replace(/(?:_[0-9]+)?(?::[0-9]+)?$/, '')}@${server}`;
}
