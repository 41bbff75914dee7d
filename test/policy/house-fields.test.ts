/** Fields of an operator's own catalogue on the stanza itself: dropping one with `on-drop: element` withholds the
 *  stanza, and nothing of the value leaves. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadCatalogue } from '../../src/policy/catalogue.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import { directions } from '../../src/stanza/direction.ts';
import {
  catalogueFiles,
  context,
  leaving,
  policyOf,
  policyText,
  pseudonyms,
  replyOf,
  today,
  wire,
} from './fixtures.ts';

/** A field of the house, as an entry of a catalogue file. */
const field = (name: string, title: string, select: string, example: string): string => `
  ${name}:
    title: ${title}
    source: the house
    where: stanza
    direction: both
    category: identity
    reveals: the secret
    breaks: nothing
    value: text
    permits: [keep, drop]
    select: [${select}]
    example: ${example}`;

const house = `apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: house }
namespaces: {}
fields:${[
  field('house.tag', 'a tag of the house', "{ path: 'stanza/@tag', on-drop: element }", "<iq tag='x'/>"),
  field('house.stamp', 'another one', "'stanza/@stamp'", "<iq stamp='x'/>"),
  field('house.lang', 'the language of a message', "'message/@xml:lang'", "<message xml:lang='x'/>"),
  field('house.list', 'answers to a question of the house', '"iq[@list]"', "<iq list='x'/>"),
].join('')}
`;
const { catalogue, diagnostics } = loadCatalogue([...catalogueFiles, { file: 'house.yaml', text: house }]);
const names = vocabularyOf(catalogue);
const rules =
  'house.tag: drop, house.stamp: drop, house.list: drop, house.lang: drop, id.iq: { pseudonymise: { scope: session } }';
const policy = new CompiledPolicy(
  policyOf(
    policyText(
      `{ gatekeeper: { ${rules} }, client: { house.tag: drop, house.stamp: drop, house.list: drop } }`,
    ),
  ),
  { catalogue, names, pseudonyms },
);

function through(direction: Direction, text: string): { after: string; reply: string } {
  const decider = new Decider(policy, direction, context, { clock: () => today, random: () => 1 });
  const stanza = wire.parse(text, names);
  const outcome = decider.decide(stanza);
  return { after: leaving(stanza, outcome), reply: replyOf(outcome) };
}

const error =
  "<error xmlns='jabber:client' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

it('the catalogue is one that loads', () => {
  expect(diagnostics).toEqual([]);
});

it.each([
  ['an empty-element tag', "<iq type='result' id='1' tag='x'/>", `<iq type='error' id='1'>${error}</iq>`],
  ['white space in the tag', "<iq type='result' id='1' tag='x' />", `<iq type='error' id='1' >${error}</iq>`],
  ['an empty element', "<iq type='result' id='1' tag='x'></iq>", `<iq type='error' id='1'>${error}</iq>`],
  [
    'content',
    "<iq type='result' id='1' tag='x'><query xmlns='jabber:iq:version'><name>n</name></query></iq>",
    `<iq type='error' id='1'>${error}</iq>`,
  ],
  ['the attribute first', "<iq tag='x' type='result' id='1'/>", `<iq type='error' id='1'>${error}</iq>`],
  [
    'another withheld attribute after it',
    "<iq tag='x' type='result' id='1' stamp='x'/>",
    `<iq type='error' id='1'>${error}</iq>`,
  ],
  [
    'an attribute that is in no catalogue',
    "<iq tag='x' type='result' id='1' y='x'/>",
    `<iq type='error' id='1'>${error}</iq>`,
  ],
  [
    'a prefix',
    "<c:iq xmlns:c='jabber:client' tag='x' type='result' id='1'/>",
    `<c:iq xmlns:c='jabber:client' type='error' id='1'>${error}</c:iq>`,
  ],
  [
    'an error',
    `<iq tag='x' type='error' id='1'><error type='wait'><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>x</text></error></iq>`,
    `<iq type='error' id='1'>${error}</iq>`,
  ],
  [
    'the element itself',
    "<iq list='y' stamp='x' type='result' id='1'/>",
    `<iq type='error' id='1'>${error}</iq>`,
  ],
])('an answer that may not be seen is an error, and the only one: %s', (_, text, after) => {
  expect(through('to-client', text)).toEqual({ after, reply: '' });
});

it('the identifier of a withheld answer is mapped back all the same', () => {
  const asked = through('to-gatekeeper', "<iq type='get' id='secret'><ping xmlns='urn:xmpp:ping'/></iq>");
  const id = /id='([^']+)'/.exec(asked.after)![1]!;
  expect(through('to-client', `<iq tag='x' type='result' id='${id}'/>`).after).toBe(
    `<iq type='error' id='secret'>${error}</iq>`,
  );
});

it('a request for a withheld field is answered, and other stanzas are dropped', () => {
  const refused = through(
    'to-gatekeeper',
    "<iq type='get' id='1' tag='x'><ping xmlns='urn:xmpp:ping'/></iq>",
  );
  expect(refused.after).toBe('');
  expect(refused.reply).toContain("<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>");
  expect(through('to-gatekeeper', "<message tag='x'><body>b</body></message>")).toEqual({
    after: '',
    reply: '',
  });
  expect(through('to-gatekeeper', "<presence tag='x'/>")).toEqual({ after: '', reply: '' });
});

it('an attribute with a prefix is another one than that without', () => {
  const { after } = through(
    'to-gatekeeper',
    "<message xml:lang='x' lang='y'><body xml:lang='z'>b</body></message>",
  );
  expect(after).toBe("<message><body xml:lang='z'>b</body></message>");
});

const secret = 'Kx7secret';
const value = fc.constantFrom("'", '"').map((quote) => `${quote}${secret}${quote}`);
const attribute = fc.oneof(
  fc.tuple(fc.constantFrom('tag', 'stamp', 'unknown'), value).map(([name, text]) => `${name}=${text}`),
  fc.constantFrom("id='1'", "to='a@b/c'", "from='d@e'", "list='y'", "xml:lang='en'"),
);
const stanza = fc
  .record({
    name: fc.constantFrom('message', 'presence', 'iq', 'c:iq'),
    type: fc.constantFrom('', "type='result'", "type='error'", "type='set'"),
    attributes: fc.uniqueArray(attribute, { maxLength: 6, selector: (text) => text.split('=')[0] }),
    content: fc.constantFrom(
      undefined,
      '',
      ' ',
      '<body>b</body>',
      `<x xmlns='urn:house' y='${secret}'/>`,
      "<error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    ),
  })
  .map(({ name, type, attributes, content }) => {
    const start = [name, "xmlns:c='jabber:client'", type, ...attributes].filter(Boolean).join(' ');
    return content === undefined ? `<${start}/>` : `<${start}>${content}</${name}>`;
  });

it('every stanza leaves as one element or none, without a withheld value', () => {
  fc.assert(
    fc.property(stanza, fc.constantFrom(...directions), (text, direction) => {
      const { after, reply } = through(direction, text);
      expect(after).not.toContain(secret);
      for (const each of [after, reply]) if (each !== '') wire.parse(each, names);
    }),
    { numRuns: 500 },
  );
});
