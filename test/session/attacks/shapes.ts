/** What one connection may send to cost the proxy more than an honest chat message does: one stanza each, or the pieces
 *  of one. All of it is within the shipped limits, so that the stream goes on. */
import { sealedAddresses } from '../../../src/minimisation/media-address.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import { media, sealedBase } from '../../policy/fixtures.ts';
import type { Phase } from '../../../src/session/phase.ts';
import type { Direction } from '../../../src/stanza/direction.ts';

export interface Shape {
  readonly name: string;
  readonly direction: Direction;
  readonly phase: Phase;
  /** One stanza. @param n tells repetitions apart, where a peer would */
  readonly xml: (n: number) => string;
  /** Bytes of each piece in which it arrives; whole by default. */
  readonly pieceBytes?: number;
}

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sm = 'urn:xmpp:sm:3';
const { attributesMax, depthMax, elementsMax, namespacesMax } = defaultLimits;

const times = (count: number, write: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => write(i)).join('');
const chat =
  (inner: string) =>
  (n: number): string =>
    `<message from='romeo@montague.example/o' to='juliet@capulet.example/b' type='chat' id='m${n}'>${inner}</message>`;
const iq =
  (type: string, inner: string) =>
  (n: number): string =>
    `<iq from='romeo@montague.example/o' to='juliet@capulet.example/b' type='${type}' id='q${n}'>${inner}</iq>`;
const presence =
  (inner: string) =>
  (n: number): string =>
    `<presence from='room@rooms.example/nick${n}' to='juliet@capulet.example/b'>${inner}</presence>`;
const form = (fields: number): string =>
  `<x xmlns='jabber:x:data' type='form'>${times(fields, (i) => `<field var='v${i}' type='text-single' label='l'><value>x</value></field>`)}</x>`;
const event = (node: string, items: string): string =>
  `<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='${node}'>${items}</items></event>`;
const address = 'https://media.provider.example/a.png';
const mediaAddresses = (count: number, n: number): string =>
  times(count, (i) => `https://media.provider.example/${n}-${i}.png `);
/** The shortest that the key of the proxy is tried on: version and key of a real one, and 28 bytes of nothing. */
const sealed = media.seal(
  URL.parse(address),
  { audience: 'gatekeeper', gatekeeper: 'gk' },
  { context: '', periodMs: 1 },
);
const forged = (n: number): string =>
  `${'address' in sealed ? sealed.address.slice(0, sealedBase.length + 8) : ''}${String(n).padStart(36, 'A')}`;
const bytesOfMostSealed = sealedAddresses.max * sealedAddresses.bytesEach;
const words = 'But soft, what light through yonder window breaks? '.repeat(400);
const archived = (i: number): string =>
  `<result xmlns='urn:xmpp:mam:2' id='r${i}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-29T10:00:00Z'/><message xmlns='jabber:client' from='a@b.example/c'><body>x</body></message></forwarded></result>`;

/** In either direction. */
const both: Readonly<Record<string, (n: number) => string>> = {
  'an empty message': () => '<message/>',
  'an empty presence': () => '<presence/>',
  'an element that is nothing': () => "<x xmlns='urn:x'/>",
  'many attributes': chat(`<x xmlns='urn:x' ${times(attributesMax - 2, (i) => `a${i}='v' `)}/>`),
  'tags full of attributes': chat(times(100, () => `<x xmlns='urn:x' ${times(60, (i) => `a${i}='v' `)}/>`)),
  'many namespaces in scope': chat(`<x ${times(namespacesMax - 4, (i) => `xmlns:p${i}='urn:n${i}' `)}>${times(2_000, (i) => `<p${i % (namespacesMax - 4)}:a/>`)}</x>`),
  'declarations one after the other': chat(times(1_000, (i) => `<x xmlns='urn:n${i}'/>`)),
  'one prefix used over and over': (n) => chat('<h:a/>'.repeat(5_000))(n).replace('<message', "<message xmlns:h='urn:ietf:params:xml:ns:xmpp-stanzas'"),
  'nested deeply': chat('<x>'.repeat(depthMax - 2) + '</x>'.repeat(depthMax - 2)),
  'nested deeply, again and again': chat(times(30, () => '<x>'.repeat(depthMax - 2) + '</x>'.repeat(depthMax - 2))),
  'many small elements': chat('<a/>'.repeat(elementsMax - 1)),
  'many elements that are known': chat("<body>x</body>".repeat(3_000)),
  'many elements that are unknown': chat(times(3_000, (i) => `<e${i} xmlns='urn:u'/>`)),
  'references to entities': chat(`<body>${'&amp;&lt;&gt;&apos;&quot;'.repeat(2_000)}</body>`),
  'references to characters': chat(`<body>${'&#x1F339;&#39;'.repeat(4_000)}</body>`),
  'CDATA sections': chat(`<body>${'<![CDATA[x]]>'.repeat(4_000)}</body>`),
  'one long CDATA section': chat(`<body><![CDATA[${'<&'.repeat(20_000)}]]></body>`),
  'white space in tags': chat(`<body${' '.repeat(10_000)}>x</body>`),
  'white space between elements': chat(`<x xmlns='urn:x'>${'\n \t'.repeat(20_000)}</x>`),
  'white space and elements in turn': chat(`<x xmlns='urn:x'>${' <a/>'.repeat(5_000)}</x>`),
  'a long text': chat(`<body>${words}</body>`),
  'a long text beyond ASCII': chat(`<body>${'🌹'.repeat(10_000)}</body>`),
  'a huge error': (n) => `<message from='romeo@montague.example/o' type='error' id='e${n}'><error type='cancel' by='a.example'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>${words}</text></error>${times(500, () => "<echo xmlns='urn:x'>y</echo>")}</message>`,
  'questions for capabilities': iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
  'questions for capabilities of a node': (n) => iq('get', `<query xmlns='http://jabber.org/protocol/disco#info' node='n#${n}'/>`)(n),
  'an answer with many features': iq('result', `<query xmlns='http://jabber.org/protocol/disco#info'>${times(1_000, (i) => `<feature var='urn:f:${i}'/>`)}</query>`),
  'an answer with forms': iq('result', `<query xmlns='http://jabber.org/protocol/disco#info'>${times(20, () => form(50))}</query>`),
  'presence with new capabilities each time': (n) => presence(`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='${Buffer.from(String(n).padStart(20)).toString('base64')}'/>`)(n),
  'contacts': iq('set', `<query xmlns='jabber:iq:roster'>${times(1_000, (i) => `<item jid='u${i}@b.example' name='n${i}' subscription='both'><group>g</group></item>`)}</query>`),
  'bookmarks': chat(event('urn:xmpp:bookmarks:1', times(500, (i) => `<item id='r${i}@rooms.example'><conference xmlns='urn:xmpp:bookmarks:1' name='n${i}' autojoin='true'><nick>x</nick></conference></item>`))),
  'items of PEP': chat(event('http://jabber.org/protocol/mood', times(500, (i) => `<item id='${i}'><mood xmlns='http://jabber.org/protocol/mood'><happy/><text>x</text></mood></item>`))),
  'a call with many candidates': iq('set', `<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s'><content name='a'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>${times(800, (i) => `<candidate component='1' foundation='1' generation='0' id='c${i}' ip='192.0.2.${i % 256}' port='5000' priority='1' protocol='udp' type='host'/>`)}</transport></content></jingle>`),
  'a form with many fields': chat(form(1_000)),
  'presence in a room with many items': presence(`<x xmlns='http://jabber.org/protocol/muc#user'>${times(1_000, (i) => `<item affiliation='none' role='participant' jid='u${i}@b.example/r'><actor jid='a@b.example'/></item>`)}</x>`),
  'results of an archive': (n) => chat(archived(n))(n),
  'results of an archive in one message': chat(times(200, archived)),
  'receipts': (n) => chat(`<received xmlns='urn:xmpp:receipts' id='m${n}'/>`)(n),
  'requests for receipts': chat("<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"),
  'chat states': chat("<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
  'addresses of media': chat(`<body>${`${address} `.repeat(200)}</body>${times(200, () => `<x xmlns='jabber:x:oob'><url>${address}</url></x>`)}`),
  'one address of media': (n) => chat(`<body>https://media.provider.example/${n}.png</body>`)(n),
  'as many addresses of media as a short message may have': (n) => chat(`<body>${mediaAddresses(sealedAddresses.min, n)}</body>`)(n),
  'as many addresses of media as are sealed': (n) => chat(`<body>${'x'.repeat(bytesOfMostSealed - 3_000)} ${mediaAddresses(sealedAddresses.max, n)}</body>`)(n),
  'more addresses of media than are sealed': (n) => chat(`<body>${mediaAddresses(60, n)}</body>`)(n),
  'addresses of no media': (n) => chat(`<body>${times(1_000, (i) => `a://${n}.${i} `)}</body>`)(n),
  'forged sealed addresses': (n) => chat(`<body>${times(200, (i) => `${forged(n * 200 + i)} `)}</body>`)(n),
  'names that become pseudonyms': (n) => `<message from='u${n}@montague.example/o${n}' to='v${n}@capulet.example/b${n}' type='chat' id='i${n}'><thread parent='p${n}'>t${n}</thread><origin-id xmlns='urn:xmpp:sid:0' id='o${n}'/><stanza-id xmlns='urn:xmpp:sid:0' id='s${n}' by='u${n}@montague.example'/></message>`,
  'many names that become pseudonyms': (n) => chat(times(300, (i) => `<origin-id xmlns='urn:xmpp:sid:0' id='o${n}-${i}'/><stanza-id xmlns='urn:xmpp:sid:0' id='s${n}-${i}' by='u${i}@montague.example'/>`))(n),
  'acknowledgements': () => `<a xmlns='${sm}' h='0'/>`,
  'requests for acknowledgement': () => `<r xmlns='${sm}'/>`,
}; // prettier-ignore

const directed = (direction: Direction, name: string, xml: (n: number) => string): Shape => ({
  name,
  direction,
  phase: 'established',
  xml,
});

export const shapes: readonly Shape[] = [
  ...Object.entries(both).flatMap(([name, xml]) => [
    directed('to-gatekeeper', name, xml),
    directed('to-client', name, xml),
  ]),
  directed('to-gatekeeper', 'attempts to resume', (n) => `<resume xmlns='${sm}' previd='p${n}' h='0'/>`),
  { ...directed('to-gatekeeper', 'one byte at a time', chat(`<body>${'x'.repeat(3_000)}</body>`)), pieceBytes: 1 },
  { ...directed('to-client', 'one byte at a time', chat(`<body>${'x'.repeat(3_000)}</body>`)), pieceBytes: 1 },
  { ...directed('to-gatekeeper', 'elements one byte at a time', chat('<a/>'.repeat(1_000))), pieceBytes: 1 },
  {
    name: 'attempts to authenticate',
    direction: 'to-gatekeeper',
    phase: 'authenticating',
    xml: (n) => `<auth xmlns='${sasl}' mechanism='PLAIN'>${Buffer.from(`\0user${n}\0secret`).toString('base64')}</auth>`,
  },
  {
    name: 'attempts to authenticate by SASL 2',
    direction: 'to-gatekeeper',
    phase: 'authenticating',
    xml: (n) => `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>${Buffer.from(`n,,n=user${n},r=1`).toString('base64')}</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>x</software><device>y</device></user-agent><bind xmlns='urn:xmpp:bind:0'><tag>x</tag></bind></authenticate>`,
  },
]; // prettier-ignore

/** A chat message of 300 bytes, as a person's client sends it. */
export function honestMessage(n: number): string {
  const head = `<message from='romeo@montague.example/o' to='juliet@capulet.example/b' type='chat' id='m${n}'><body>`;
  const tail = "</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>";
  return `${head}${'It is the east, and Juliet is the sun. '.repeat(9).slice(0, 300 - head.length - tail.length)}${tail}`;
}
