/** The protocols of gatekeepers, by the names that catalogue files and the configuration use. */
import { chatStanzas } from '../stanza/chat-stanzas.ts';
import { xmppStanzas, type StanzaProtocol } from '../stanza/protocol.ts';

export const protocolNames = ['xmpp', 'chat-channel'] as const;

export type ProtocolName = (typeof protocolNames)[number];

export const stanzaProtocols: Readonly<Record<ProtocolName, StanzaProtocol>> = {
  xmpp: xmppStanzas,
  'chat-channel': chatStanzas,
};

/** Returns the protocol whose stanzas have this namespace; undefined for another namespace. */
export function protocolOfNamespace(namespace: string): StanzaProtocol | undefined {
  return protocolNames.map((name) => stanzaProtocols[name]).find((each) => each.namespace === namespace);
}
