/** Stanzas as today's clients and servers write them. */
import type { Direction } from '../../src/stanza/direction.ts';

export interface TypicalStanza {
  readonly name: string;
  readonly direction: Direction;
  /** The nth of its kind: ids are never used twice, addresses are. */
  readonly write: (n: number, names?: NamesOfClient) => string;
}

/** What the client has named, as the sender of a stanza knows it. */
export interface NamesOfClient {
  readonly resource: string;
  readonly request: (id: string) => string;
}

export const account = 'alice@example.org';
/** As the client knows it. */
export const plainNames: NamesOfClient = { resource: 'Conversations.x7Gq', request: (given) => given };
const own = ({ resource }: NamesOfClient): string => `${account}/${resource}`;
const peer = 'bob@example.com/Dino.90c8f2';
const caps =
  "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://conversations.im' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>";

export const typicalStanzas: readonly TypicalStanza[] = [
  {
    name: 'chat',
    direction: 'to-gatekeeper',
    write: (n) =>
      `<message to='bob@example.com' type='chat' id='${id(n)}'><body>The quick brown fox jumps over it.</body>` +
      `<origin-id xmlns='urn:xmpp:sid:0' id='${id(n)}'/><request xmlns='urn:xmpp:receipts'/></message>`,
  },
  {
    name: 'chat to a full JID',
    direction: 'to-gatekeeper',
    write: (n, names = plainNames) =>
      `<message from='${own(names)}' to='${peer}' type='chat' id='${id(n)}'><body>The quick brown fox jumps over it.</body>` +
      `<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>`,
  },
  {
    name: 'OMEMO chat',
    direction: 'to-gatekeeper',
    write: (n) =>
      `<message to='bob@example.com' type='chat' id='${id(n)}'><encrypted xmlns='eu.siacs.conversations.axolotl'>` +
      `<header sid='1297'><key rid='3214' prekey='true'>${'QUJD'.repeat(30)}</key><key rid='991'>${'REVG'.repeat(20)}</key>` +
      `<iv>MDEyMzQ1Njc4OWFi</iv></header><payload>${'R0hJ'.repeat(30)}</payload></encrypted>` +
      `<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>` +
      `<body>I sent you an OMEMO encrypted message.</body><store xmlns='urn:xmpp:hints'/>` +
      `<origin-id xmlns='urn:xmpp:sid:0' id='${id(n)}'/></message>`,
  },
  {
    name: 'presence with caps',
    direction: 'to-gatekeeper',
    write: () => `<presence><show>away</show><priority>5</priority>${caps}</presence>`,
  },
  {
    name: 'iq get disco#info',
    direction: 'to-gatekeeper',
    write: (n) =>
      `<iq type='get' to='example.com' id='${id(n)}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  },
  {
    name: 'iq result',
    direction: 'to-client',
    write: (n, names = plainNames) =>
      `<iq type='result' from='alice@example.org' to='${own(names)}' id='${names.request(id(n))}'><query xmlns='jabber:iq:roster' ver='7'>` +
      `<item jid='bob@example.com' subscription='both'/></query></iq>`,
  },
  {
    name: 'receipt',
    direction: 'to-client',
    write: (n, names = plainNames) =>
      `<message from='${peer}' to='${own(names)}' type='chat' id='${id(n)}'>` +
      `<received xmlns='urn:xmpp:receipts' id='${id(n)}'/></message>`,
  },
  {
    name: 'archive result',
    direction: 'to-client',
    write: (n, names = plainNames) =>
      `<message from='alice@example.org' to='${own(names)}'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='${id(n)}'>` +
      `<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-07-10T23:08:25Z'/>` +
      `<message xmlns='jabber:client' from='${peer}' to='alice@example.org' type='chat' id='${id(n)}'>` +
      `<body>Hail to thee</body></message></forwarded></result></message>`,
  },
];

/** 22 characters, like the random ones of clients. */
function id(n: number): string {
  return `${(n * 2_654_435_761).toString(36)}zQ4-aKf0mV8sXw_2pLrT9b`.slice(0, 22);
}
