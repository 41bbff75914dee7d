/** Generates stanzas from everything that the catalogue knows and from elements that it does not know. */
import { openCatalogue } from '../../src/app/files/policies.ts';
import type { Random } from './random.ts';

/** Everything that the catalogue has an example of, with and without what is around it. */
const examples = [...openCatalogue().fields.values()]
  .filter(({ protocol }) => protocol === 'xmpp')
  .map(({ example }) => example.trim());
const payloads = examples.flatMap((example) => {
  const inner = /^<(?:message|iq|presence)[^>]*[^/]>(.*)<\/(?:message|iq|presence)>$/s.exec(example)?.[1];
  return inner === undefined ? [] : [inner];
});
const whole = examples.filter((example) => /^<(?:message|iq|presence)/.test(example));
const odd = [
  "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>",
  "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AA==</hash></c>",
  "<query xmlns='http://jabber.org/protocol/disco#info'/>",
  "<query xmlns='http://jabber.org/protocol/disco#info' node='n'><identity category='client' type='pc'/><feature var='urn:xmpp:jingle:1'/><feature var='urn:x'/></query>",
  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@capulet.example/balcony</jid></bind>",
  "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
  "<p:body xmlns:p='jabber:client'>a<![CDATA[<b>]]>&amp;c</p:body>",
  "<body xml:lang='de' xmlns:q='urn:q' q:a='1'>https://media.provider.example/x&#x20;y</body>",
  "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body start='0' end='40' p='1'/></fallback>",
  "<markup xmlns='urn:xmpp:markup:0'><span start='1' end='99'/><list start='3' end='4'><li start='3'/></list></markup>",
  "<reference xmlns='urn:xmpp:reference:0' begin='2' end='41' type='data' uri='https://media.provider.example/x'/>",
  '<body>See https://media.provider.example/x and more</body>',
  "<unknown xmlns='urn:unknown'><body xmlns='jabber:client'>x</body></unknown>",
  'text',
  '<![CDATA[]]>',
  '&#x1F600;',
  '\n  ',
];
/** What a message inside another one may be in. */
const carriers = [
  ['', ''],
  ["<received xmlns='urn:xmpp:carbons:2'>", '</received>'],
  ["<result xmlns='urn:xmpp:mam:2' id='1'>", '</result>'],
] as const;
const jids = ['juliet@capulet.example', 'juliet@capulet.example/balcony', 'romeo@montague.example/o', 'capulet.example', 'x@y.example/&apos;', 'ROMEO@montague.example']; // prettier-ignore
const types = ['get', 'set', 'result', 'error', 'chat', 'groupchat', 'unavailable', 'subscribe', 'nonsense'];
/** Those among them that stream management does not count. */
export const nonzas = [
  "<r xmlns='urn:xmpp:sm:3'/>",
  "<inactive xmlns='urn:xmpp:csi:0'/>",
  "<unknown xmlns='urn:unknown'>x</unknown>",
  "<message xmlns='jabber:server'><body>x</body></message>",
];

/** Seldom what a real client would say; always well formed. */
export function generatedStanza(random: Random): string {
  if (random.once(8)) return random.pick(nonzas);
  if (random.once(3)) return random.pick(whole);
  const name = random.pick(['message', 'message', 'presence', 'iq']);
  const written = [
    ...(random.once(8) ? [] : [` ${random.pick(['to', 'from'])}=${quoted(random, random.pick(jids))}`]),
    ...(random.once(3) ? [] : [` id=${quoted(random, `i${random.below(20)}`)}`]),
    ...(random.once(3) ? [] : [` type=${quoted(random, random.pick(types))}`]),
    ...(random.once(4) ? [` xml:lang='de'`] : []),
    ...(random.once(8) ? [` xmlns:p='urn:p' p:a='1'`] : []),
    ...(random.once(8) ? [` xmlns='jabber:client'`] : []),
  ];
  if (random.once(2)) written.reverse();
  const space = random.once(6) ? ' \n' : '';
  if (random.once(10)) return `<${name}${written.join('')}${space}/>`;
  return `<${name}${written.join('')}${space}>${content(random, 0)}</${name}${space}>`;
}

function content(random: Random, depth: number): string {
  let text = '';
  for (let count = random.below(4); count > 0; count -= 1) {
    if (depth < 3 && random.once(5)) {
      const [open, close] = random.pick(carriers);
      text += `${open}<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>${content(random, depth + 1)}</message></forwarded>${close}`;
    } else text += random.pick(random.once(3) ? odd : payloads);
  }
  return text;
}

function quoted(random: Random, value: string): string {
  return random.once(2) ? `'${value}'` : `"${value}"`;
}
