/** What a recording keeps of stanzas: nothing that a person or a device has chosen, and everything that rules decide
 *  by. */
import { expectLinear } from '../support/linear.ts';
import { describe, expect, it } from 'vitest';
import { Mask, maskedMax } from '../../src/recording/mask.ts';
import { Tokens } from '../../src/recording/tokens.ts';
import { everyForm } from '../../src/policy/catalogue.ts';
import { selectorLiterals } from '../../src/policy/literals.ts';
import { Decider } from '../../src/policy/decide.ts';
import { openPolicy } from '../../src/app/files/policies.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { directions, type Direction } from '../../src/stanza/direction.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { generatedStanza } from '../support/generated-stanzas.ts';
import { chatStanzas } from '../../src/stanza/chat-stanzas.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { PortableStructure } from '../../src/stream/structure/portable.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { Random } from '../support/random.ts';
import { catalogue, names, pseudonyms, today, wire } from '../policy/fixtures.ts';

const literals = selectorLiterals(catalogue);
const account = 'juliet@capulet.example';
const resource = 'balcony';
const examples = everyForm(catalogue).flatMap(({ name, where, example }) =>
  where === 'stanza' ? [[name, example.trim()] as const] : [],
);

/** Tokens that are the same in each run, so that none has a marker in it by chance. */
function fixedTokens(): Tokens {
  return new Tokens({ key: () => Buffer.alloc(32, 7), shiftSeconds: () => 100_000 });
}

const fixedMask = new Mask(fixedTokens(), literals);

function maskOf(tokens = new Tokens()): (text: string) => string {
  const mask = new Mask(tokens, literals);
  return (text) => mask.apply(wire.parse(text, names))!;
}

it('a masked stanza of the chat channel declares its namespace, and shows no number and no content', () => {
  const stream = `<message to='15551@s.whatsapp.net' id='3EB0C0FFEE' type='media'><participants><to jid='15551:2@s.whatsapp.net'><enc v='2' type='pkmsg' mediatype='image'>c2VjcmV0</enc></to></participants></message>`;
  const header =
    "<stream:stream xmlns='urn:narthex:chat:0' xmlns:n='urn:narthex:chat:marks:0' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
  const masked = fixedMask.apply(stanzaAfter(header, stream))!;
  expect(masked).toMatch(
    /^<message xmlns='urn:narthex:chat:0' to='[a-z2-7]{8}@[^']+' id='[^']+' type='media'><participants><to jid='[^']+'><enc v='\d' type='pkmsg' mediatype='image'>xxxxxxxx<\/enc><\/to><\/participants><\/message>$/,
  );
  expect(masked).not.toMatch(/15551|s\.whatsapp|3EB0|c2Vj/);
  expect(wire.parse(masked, names).kind).toBe('message');
});

/** Returns a stanza as a session of the chat channel scans it. */
function stanzaAfter(header: string, text: string): Stanza {
  const found: Stanza[] = [];
  const scanner = new Scanner({
    names,
    protocol: chatStanzas,
    limits: defaultLimits,
    workspace: new Workspace(new PortableStructure(), defaultLimits),
    sink: {
      header: () => {},
      whitespace: () => {},
      end: () => {},
      stanza: (stanza) => found.push(stanza.retain()),
    },
  });
  scanner.push(Buffer.from(header + text));
  return found[0]!;
}

describe('a masked stanza', () => {
  const masked = maskOf(fixedTokens());

  it.each([
    [
      'a message, whose words of the protocol stay',
      `<message to='romeo@montague.example/orchard' type="chat" id='m-17'><body>O Romeo</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>`,
      /^<message to='[a-z2-7]{8}@[a-z2-7]{8}\.[a-z2-7]{8}\/[a-z2-7]{8}' type="chat" id='[a-z]-\d\d'><body>xxxxxxx<\/body><active xmlns='http:\/\/jabber.org\/protocol\/chatstates'\/><\/message>$/,
    ],
    [
      'a time, shifted',
      "<message><delay xmlns='urn:xmpp:delay' stamp='2026-11-29T10:20:30.5Z'/></message>",
      /stamp='2026-11-28T06:33:50\.5Z'/,
    ],
    [
      'a version and a priority',
      '<presence><priority>-17</priority></presence>',
      /<priority>-1\d<\/priority>/,
    ],
    [
      'names and namespaces that no protocol has',
      "<message><p:juliet xmlns:p='urn:juliet' p:balcony='x'/></message>",
      /^<message><n[a-z2-7]{8}:n[a-z2-7]{8} xmlns:n[a-z2-7]{8}='[a-z2-7]{10}' n[a-z2-7]{8}:n[a-z2-7]{8}='[a-z]'\/><\/message>$/,
    ],
    [
      'addresses in a body',
      '<message><body>see https://capulet.example:8443/a/b?c#d, love</body></message>',
      /<body>xxxxhttps:\/\/[a-z2-7]{8}\.[a-z2-7]{8}:8\d{3}\/[a-z2-7]{8}\/[a-z2-7]{8}\?[a-z2-7]{8}#[a-z]xxxxxx<\/body>/,
    ],
    [
      'the key of a file, which is a length',
      '<message><body>aesgcm://capulet.example/f#0123456789</body></message>',
      /<body>aesgcm:\/\/[^#]*#xxxxxxxxxx<\/body>/,
    ],
    [
      'a password, which is a length',
      "<iq type='set'><query xmlns='jabber:iq:register'><username>juliet</username><password>rose</password></query></iq>",
      /<username>xxxxxx<\/username><password>xxxx<\/password>/,
    ],
    [
      'a mechanism, which stays, with its message, which is a length',
      "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByb3Nl</auth>",
      /mechanism='PLAIN'>x{16}<\/auth>/,
    ],
    [
      'white space',
      "<message \n to='a@b'>\n  <body>x</body>\n</message >",
      /^<message \n to='[^']*'>\n {2}<body>x<\/body>\n<\/message >$/,
    ],
  ])('has %s', (_, text, form) => {
    expect(masked(text)).toMatch(form);
  });

  it('has one token for equal values, and others for others', () => {
    const text = `<message to='romeo@montague.example' from='Romeo@montague.example/x' id='a1'><replace xmlns='urn:xmpp:message-correct:0' id='a1'/></message>`;
    const [, to, from, id, other] = /to='([^']*)' from='([^']*)\/[^']*' id='([^']*)'.* id='([^']*)'/.exec(
      masked(text),
    )!;
    expect(from).toBe(to);
    expect(other).toBe(id);
    expect(masked(text)).toBe(masked(text));
    expect(masked(text)).not.toBe(masked(text.replaceAll('romeo', 'paris')));
  });

  it('has other tokens in each recording', () => {
    const text = "<message to='romeo@montague.example'/>";
    expect(maskOf()(text)).not.toBe(maskOf()(text));
  });
});

describe('a stanza that asks for much work', () => {
  const item = "<item xmlns='jabber:iq:roster' jid='a@b'/>";

  it('is masked up to a limit of values', () => {
    const apply = (count: number): string | undefined =>
      fixedMask.apply(wire.parse(`<iq>${item.repeat(count)}</iq>`, names));
    expect(apply(maskedMax - 1)).toBeDefined();
    expect(apply(maskedMax + 1)).toBeUndefined();
  });

  it.each([
    ['labels of a domain', (n: number) => `<message to='${'a.'.repeat(n)}b'/>`],
    [
      'segments of a path',
      (n: number) => `<message><subject>https://a.b${'/c'.repeat(n)}</subject></message>`,
    ],
    ['subtags of a language', (n: number) => `<message xml:lang='de${'-at'.repeat(n)}'/>`],
    ['addresses in a body', (n: number) => `<message><body>${'https://a.b/c '.repeat(n)}</body></message>`],
  ])('has few tokens for many %s', (_, build) => {
    const stanza = (n: number) => wire.parse(build(n), names);
    const [short, long] = [stanza(1_000), stanza(2_000)];
    expectLinear(
      _,
      () => void fixedMask.apply(short),
      () => void fixedMask.apply(long),
    );
    const masked = fixedMask.apply(long)!;
    expect(masked.length).toBeLessThan(2.5 * long.byteLength);
  });
});

// ---- nothing is left --------------------------------------------------------------------------------------------------

/** A value that occurs nowhere else, in each syntax that a token keeps. Its parts must be gone. */
const markers: readonly (readonly [value: string, parts: readonly string[]])[] = [
  ['zq0marker', ['zq0marker']],
  ['zq0one@zq1two.zq8three/zq9four zq0five', ['zq0one', 'zq1two', 'zq8three', 'zq9four', 'zq0five']],
  ['zq1two.zq8three', ['zq1two', 'zq8three']],
  ['https://zq0one:zq1two@zq8three.example:54321/zq9four/zq0five.jpg?zq1six#zq8seven', ['zq0one', 'zq1two', 'zq8three', '54321', 'zq9four', 'zq0five', 'zq1six', 'zq8seven']],
  ['zqscheme://zq0one/zq1two', ['zqscheme', 'zq0one', 'zq1two']],
  ['xmpp:zq0one@zq1two/zq8three?zq9four;zq0five=zq1six', ['zq0one', 'zq1two', 'zq8three', 'zq9four', 'zq0five', 'zq1six']],
  ['urn:zq0marker:zq1other', ['zq0marker', 'zq1other']],
  ['73918462051', ['73918462051', '391846']],
  ['45.4408474', ['45.44', '4408474']],
  ['203.0.113.77', ['203.0.113', '113.77']],
  ['2001:db8:77aa:1::42', ['2001:db8', '77aa']],
  ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', ['3f2504e0', '0305e82c3301']],
  ['2026-11-29T10:20:30Z', ['2026-11-29', '10:20:30']],
  ['zq0one zq1two, 10.20.30.40', ['zq0one', 'zq1two', '10.20.30.40']],
  ['zq0marker+notify', ['zq0marker']],
  ['ρομέο', ['ρομέο', 'ρομ']],
]; // prettier-ignore

/** Returns the text with one of its values replaced, for each value: texts, attributes, namespaces. */
function variants(text: string, marker: string): string[] {
  const places = [...text.matchAll(/(?<before>[\w:-]+=')(?<value>[^']*)'|(?<=>)[^<>]+(?=<)/g)];
  return places.flatMap(({ index, 0: all, groups }, number) => {
    // The stanza's own namespace makes it one.
    if (number === 0 && groups?.['before'] === "xmlns='") return [];
    const start = index + (groups?.['before']?.length ?? 0);
    const end = start + (groups?.['value'] ?? all).length;
    return [text.slice(0, start) + marker + text.slice(end)];
  });
}

/** Returns undefined for a text that the scanner refuses, such as one with white space in the name of a namespace. */
function maskedOrRefused(text: string): string | undefined {
  let stanza: Stanza;
  try {
    stanza = wire.parse(text, names);
  } catch (error) {
    if (error instanceof StreamError) return undefined;
    throw error;
  }
  return fixedMask.apply(stanza)!;
}

describe('no value is left of', () => {
  it.each(markers)('%s, wherever it stands in the examples of the catalogue', (marker, parts) => {
    let count = 0;
    for (const [, example] of examples) {
      for (const text of variants(example, marker)) {
        const masked = maskedOrRefused(text);
        if (masked === undefined) continue;
        count += 1;
        for (const part of parts) if (masked.includes(part)) expect.fail(`${part} of ${text} in ${masked}`);
      }
    }
    expect(count).toBeGreaterThan(300);
  });

  it('the parts of what catalogue examples mark', () => {
    const marked = examples.filter(([, example]) => example.includes('marker'));
    expect(marked.length).toBeGreaterThan(60);
    for (const [, example] of marked) expect(maskedOrRefused(example)).not.toMatch(/marker(?!s)/);
  });

  it('the sender and the recipient of generated stanzas', () => {
    const random = new Random(1);
    for (let count = 0; count < 1_000; count += 1) {
      const masked = maskedOrRefused(generatedStanza(random));
      expect(masked).not.toMatch(/juliet|romeo|capulet|montague|balcony|media\.provider/i);
    }
  });
});

// ---- the rules decide the same ----------------------------------------------------------------------------------------

function decisionsOf(
  policy: CompiledPolicy,
  direction: Direction,
  own: readonly [string, string],
  text: string,
): string[] {
  const [owner, device] = own;
  const facts = {
    gatekeeper: 'gatekeeper',
    account: owner,
    resource: device,
    session: 's',
    startedAt: today,
  };
  const decider = new Decider(policy, direction, facts, { clock: () => today, random: () => 0.5 });
  const { verdict, decisions } = decider.decide(wire.parse(text, names));
  return [verdict.kind, ...decisions.map(({ field, treatment }) => `${field} ${treatment}`)];
}

describe('the rules decide the same of tokens, under', () => {
  it.each(['passthrough', 'balanced', 'strict'])('%s', (name) => {
    const policy = new CompiledPolicy(openPolicy(name), { catalogue, names, pseudonyms });
    const random = new Random(2);
    const texts = examples.map(([, example]) => example);
    for (let count = 0; count < 1_200; count += 1) texts.push(generatedStanza(random));
    let decided = 0;
    for (const text of texts) {
      const tokens = new Tokens();
      const masked = maskOf(tokens)(text);
      const own = [tokens.jid(account), tokens.word(resource)] as const;
      for (const direction of directions) {
        const before = decisionsOf(policy, direction, [account, resource], text);
        const after = decisionsOf(policy, direction, own, masked);
        decided += before.length - 1;
        if (before.join() !== after.join())
          expect.fail(`${text}\n${masked}\n${before.join()}\n${after.join()}`);
      }
    }
    expect(decided).toBeGreaterThan(8_000);
  });
});
