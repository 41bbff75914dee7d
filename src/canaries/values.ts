/** Where the example of a field has its value. The examples of the catalogue that mark it with the word `marker` need
 *  nothing more; the others have a line here. A field that has neither is reported as not sent. */
import type { Direction } from '../stanza/direction.ts';

/** How an example becomes a canary.
 *
 *  `[part, replacement]` replaces a part of the example; `{word}` in the replacement stands for the marker, whose kind
 *  the braces name. One string is the whole element in place of the example. `{ unmarked }` is a field without a value of
 *  its own: only a time or a size shows it, so that nothing can be searched for. */
export type Value =
  | readonly [part: string, replacement: string]
  | string
  | { readonly unmarked: string }
  | Readonly<Record<Direction, string>>;

const empty = (element: string, namespace: string): Value => [
  `<${element} xmlns='${namespace}'/>`,
  `<${element} xmlns='${namespace}'>{word}</${element}>`,
];

const sm = "xmlns='urn:xmpp:sm:3'";

export const values: Readonly<Record<string, Value>> = {
  'jid.bare': ['juliet@', '{word}@'],
  'jid.device': ['/balcony', '/{word}'],
  'id.message': ['3EB0C0FFEE', '{word}'],
  'id.origin': ["id='o-1'", "id='{word}'"],
  'id.stanza-id': ['1671000000000000', '{word}'],
  'id.jingle': ["id='s-1'", "id='{word}'"],
  'participants.list': ["jid='c@", "jid='{word}@"],
  'omemo.header': ['AAAA', '{word}'],
  'answer.ping': { unmarked: 'the time of the answer' },
  'answer.disco-info': { unmarked: 'the time of the answer' },
  'answer.disco-items': { unmarked: 'the time of the answer' },
  'answer.jingle': { unmarked: 'the time of the answer' },
  'answer.acknowledgement': { unmarked: 'the time of the answer' },
  // What names the stanza here is in a field that no policy can hide.
  'answer.ringing': ["id='s1'", "id='{word}'"],
  'answer.iq': ["to='a@", "to='{word}@"],
  'answer.error': ["id='m1'", "id='{word}'"],
  'caps.hash': ['QgayPKawpkPSDYmwT/WM94uAlu0=', '{word}'],
  'disco.identity': ['Client 1.2', '{word}'],
  'disco.items': ["#items'/>", "#items' node='{word}'/>"],
  'disco.query': ["#info'/>", "#info' node='{word}'/>"],
  'xml.lang': ['de-AT', '{language}'],
  'style.fingerprint': ['<body>hi</body>', "<{word}:body xmlns:{word}='jabber:client'>hi</{word}:body>"],
  'content.body': ['<body>hi', '<body>{word}'],
  'content.encrypted': ['>CC<', '>{word}<'],
  'content.type': ["'chat'", "'{word}'"],
  'content.wire-size': { unmarked: 'the size of the stanza' },
  'content.reference': ["'m0'", "'{word}'"],
  'content.hints': empty('store', 'urn:xmpp:hints'),
  'content.oob-url': ['https://up.example/f</url>', 'https://up.example/{word}</url>'],
  'content.file': ['image/jpeg', 'image/{word}'],
  'content.file-date': ['2026-03-10T23:41:07Z', '{time}'],
  'content.file-size': ['83121', '{count}'],
  'content.transfer-size': ['83121', '{count}'],
  'upload.slot': ["size='1024'", "size='{count}'"],
  'call.session': ["sid='s1'", "sid='{word}'"],
  'call.host-candidate': ['192.0.2.131', '{ipv6}'],
  'call.related-address': ['198.51.100.7', '{ipv6}'],
  'call.description': ["media='audio'", "media='{word}'"],
  'call.external-service': empty('services', 'urn:xmpp:extdisco:2'),
  'bytestreams.host': ['192.168.4.1', '{ipv6}'],
  'bytestreams.in-band': ["sid='i1'", "sid='{word}'"],
  'error.condition': [
    'item-not-found xmlns=',
    "gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{word}</gone><item-not-found xmlns=",
  ],
  'roster.items': ["jid='a@", "jid='{word}@"],
  blocklist: [
    "<blocklist xmlns='urn:xmpp:blocking'/>",
    "<blocklist xmlns='urn:xmpp:blocking'><item jid='{word}@b.example'/></blocklist>",
  ],
  'mam.query': ['a@b.example', '{word}@b.example'],
  'muc.membership': ["affiliation='member'", "affiliation='member' nick='{word}'"],
  'account.temporary': empty('identity', 'urn:xmpp:burner:0'),
  'account.web-login': ["id='a1'", "id='{word}'"],
  'presence.available': [
    "<presence xmlns='jabber:client'",
    "<presence xmlns='jabber:client' to='{word}@b.example'",
  ],
  'presence.directed': ['room@', '{word}@'],
  'presence.subscription': ['a@b.example', '{word}@b.example'],
  'presence.show': ['dnd', '{word}'],
  'presence.priority': ['42', '{count}'],
  'presence.muc': ["role='participant'", "role='participant' nick='{word}'"],
  'chat-state': empty('composing', 'http://jabber.org/protocol/chatstates'),
  'receipt.delivered': [
    "<received xmlns='urn:xmpp:receipts' id='m1'",
    "<received xmlns='urn:xmpp:receipts' id='{word}'",
  ],
  'receipt.request': empty('request', 'urn:xmpp:receipts'),
  'receipt.read': [
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'",
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='{word}'",
  ],
  attention: empty('attention', 'urn:xmpp:attention:0'),
  'pep.geoloc': ['45.44', '{degrees}'],
  'pep.omemo': [
    "node='eu.siacs.conversations.axolotl.devicelist'",
    "node='eu.siacs.conversations.axolotl.bundles:{word}'",
  ],
  'pep.openpgp': ["node='urn:xmpp:openpgp:0:public-keys'", "node='urn:xmpp:openpgp:0:public-keys:{word}'"],
  'private.storage': empty('storage', 'storage:bookmarks'),
  'sasl.user-agent.id': ['d4565fa7-4d72-4749-b3d3-740edbf87770', '{uuid}'],
  'sasl.mechanism': ['SCRAM-SHA-256', '{capitals}'],
  'sasl.exchange': {
    'to-gatekeeper': "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{word}</response>",
    'to-client': "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{word}</challenge>",
  },
  'bind.resource': {
    'to-gatekeeper':
      "<iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{word}</resource></bind></iq>",
    'to-client':
      "<iq xmlns='jabber:client' type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@capulet.example/{word}</jid></bind></iq>",
  },
  'sm.id': {
    'to-gatekeeper': `<resume ${sm} h='0' previd='{word}'/>`,
    'to-client': `<enabled ${sm} id='{word}' resume='true'/>`,
  },
  'sm.count': {
    'to-gatekeeper': `<resume ${sm} h='{count}' previd='x'/>`,
    'to-client': `<failed ${sm} h='{count}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  },
  'csi.state': empty('inactive', 'urn:xmpp:csi:0'),
  'carbons.enable': empty('enable', 'urn:xmpp:carbons:2'),
  'time.delay': ['2026-03-10T23:41:07.512Z', '{time}'],
  'time.history': ['2026-03-10T23:41:07Z', '{time}'],
  'time.retracted': ['2026-03-10T23:41:07Z', '{time}'],
  'time.publication': ['2026-03-10T23:41:07Z', '{time}'],
  'time.attachment': ['2026-03-10T23:41:07Z', '{time}'],
  'time.idle': ['2026-03-10T21:36:07Z', '{time}'],
  'time.last-presence': ['86511', '{count}'],
  'time.last-iq': ['90311', '{count}'],
  'time.entity': ['2026-03-10T17:58:35Z', '{time}'],
  'time.vcard-revision': ['2026-03-10T23:41:07Z', '{time}'],
  'time.expiry': ['86400', '{count}'],
  // Outside of stanzas the canary is the value itself; whatever carries the field puts it there.
  'stream.from': '{word}@localhost',
  'stream.lang': '{language}',
  'stream.id': '{word}',
  'stream.features': "<register xmlns='http://jabber.org/features/iq-register'>{word}</register>",
  'conn.client-ip': '{loopback}',
  'conn.client-port': { unmarked: 'a port that the system chooses' },
  'conn.tcp-fingerprint': { unmarked: 'a fingerprint of the system' },
  'conn.tls-fingerprint': '{ciphers}',
  'conn.sni-alpn': '{word}',
  'conn.round-trip': { unmarked: 'a time' },
  'conn.session-ticket': { unmarked: 'a ticket that the proxy makes' },
  'conn.keep-alive': { unmarked: 'a time between two bytes' },
  'conn.reconnects': { unmarked: 'a time' },
  'conn.traffic-shape': { unmarked: 'sizes and times' },
  'http.user-agent': 'Mozilla/5.0 ({word})',
  'http.origin': 'https://{word}.example',
  'http.cookie': 'sid={word}',
  'http.accept-language': '{language}',
  'http.referer': 'https://{word}.example/chats/17',
  'http.forwarded': '{ipv6}',
  'media.fetch': '{word}.png',
  'push.recipient': '{word}',
  'push.id': '{uuid}',
  'push.sender': '{word}@capulet.example',
  'push.body': '{word}',
  'push.count': '{count}',
};
