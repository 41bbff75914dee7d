import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeDiscoInfo } from '../../src/capabilities/disco-info.ts';
import {
  capabilityHash,
  capabilityHashNode,
  isUnambiguous,
  legacyCapsNode,
  parseCapabilityHashNode,
  supportsHash,
  verificationHash,
  verificationString,
  verifyCapabilityHash,
  verifyLegacyCaps,
  writeHashSet,
  writeLegacyCaps,
} from '../../src/capabilities/entity-capabilities.ts';
import { bombus, exodus, infoOf, psi, readXml, tkabber } from './disco-xml.ts';

const hashes = (xml: string) =>
  ['sha-256', 'sha3-256'].map((algorithm) => capabilityHash(infoOf(xml), algorithm).value);

describe('the examples of the specifications', () => {
  it('XEP-0115 §5.2', () => {
    expect(verificationString(infoOf(exodus))).toBe(
      'client/pc//Exodus 0.9.1<http://jabber.org/protocol/caps<http://jabber.org/protocol/disco#info<' +
        'http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<',
    );
    expect(verificationHash(infoOf(exodus))).toBe('QgayPKawpkPSDYmwT/WM94uAlu0=');
  });

  it('XEP-0115 §5.3', () => {
    expect(verificationHash(infoOf(psi))).toBe('q07IKJEyjvHSyhy//CH0CxmKi8w=');
  });

  it('XEP-0390 §4.5', () => {
    expect(hashes(bombus)).toEqual([
      'kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=',
      '79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=',
    ]);
    expect(hashes(tkabber)).toEqual([
      'u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY=',
      'XpUJzLAc93258sMECZ3FJpebkzuyNXDzRNwQog8eycg=',
    ]);
  });
});

/** A second implementation, by another technique: every string becomes the hexadecimal digits of its UTF-8, so that
 *  the ordinary order of strings is the order of octets; and it reads the generated model, not the parsed XML. */
interface Model {
  readonly identities: readonly { category: string; type: string; lang: string; name: string }[];
  readonly features: readonly string[];
  readonly forms: readonly { type: string; fields: readonly { name: string; values: readonly string[] }[] }[];
}

const hex = (value: string) => Buffer.from(value, 'utf8').toString('hex');
const inOrder = (parts: readonly string[]) => [...parts].sort();
const hashHex = (algorithm: string, digits: string) =>
  createHash(algorithm).update(Buffer.from(digits, 'hex')).digest('base64');

function secondVer({ identities, features, forms }: Model): string {
  const lt = '3c';
  // '!' sorts below every digit, so shorter parts come first, as tuples do.
  const people = inOrder(
    identities.map(({ category, type, lang, name }) => [category, type, lang, name].map(hex).join('!')),
  ).map((key) => key.replaceAll('!', '2f') + lt);
  const vars = inOrder(features.map(hex)).map((digits) => digits + lt);
  const extended = inOrder(
    forms.map(({ type, fields }) => {
      const encoded = fields.map(({ name, values }) => [hex(name), ...inOrder(values.map(hex))].join('!'));
      return [hex(type), ...inOrder(encoded)].join('!');
    }),
  ).map((key) => key.replaceAll('!', lt) + lt);
  return hashHex('sha1', [...people, ...vars, ...extended].join(''));
}

function secondHash({ identities, features, forms }: Model, algorithm: string): string {
  const unit = '1f';
  const f = inOrder(features.map((name) => hex(name) + unit)).join('');
  const i = inOrder(
    identities.map(
      ({ category, type, lang, name }) =>
        [category, type, lang, name].map((part) => hex(part) + unit).join('') + '1e',
    ),
  ).join('');
  const x = inOrder(
    forms.map(({ type, fields }) => {
      const all = [{ name: 'FORM_TYPE', values: [type] }, ...fields];
      const encoded = all.map(
        ({ name, values }) =>
          hex(name) + unit + inOrder(values.map((value) => hex(value) + unit)).join('') + '1e',
      );
      return inOrder(encoded).join('') + '1d';
    }),
  ).join('');
  return hashHex(algorithm, `${f}1c${i}1c${x}1c`);
}

/** Characters that sort differently by UTF-16 and by UTF-8, around the separators of both algorithms, and plain. */
const character = fc.oneof(
  fc.constantFrom('-', '.', '/', '0', '!', '#', '&', "'", '"', '>', ' ', 'a', 'Z', ':'),
  fc.constantFrom(
    '\u{E000}',
    '\u{FFFD}',
    '\u{FF5E}',
    '\u{10000}',
    '\u{1F600}',
    '\u{10FFFF}',
    'Ψ',
    'é',
    'e\u0301',
  ),
);
const word = fc.string({ unit: character, minLength: 1, maxLength: 8 });
const text = fc.string({ unit: character, maxLength: 8 });
const language = fc.constantFrom('', 'en', 'el', 'en-GB', 'de');

const model: fc.Arbitrary<Model> = fc.record({
  identities: fc.uniqueArray(fc.record({ category: word, type: text, lang: language, name: text }), {
    maxLength: 6,
    selector: ({ category, type, lang, name }) => JSON.stringify([category, type, lang, name]),
  }),
  features: fc.uniqueArray(word, { maxLength: 12 }),
  forms: fc.uniqueArray(
    fc.record({
      type: word,
      fields: fc.uniqueArray(
        fc.record({
          name: word.filter((name) => name !== 'FORM_TYPE'),
          values: fc.array(text, { minLength: 1, maxLength: 4 }),
        }),
        { maxLength: 4, selector: ({ name }) => name },
      ),
    }),
    { maxLength: 3, selector: ({ type }) => type },
  ),
});

const escape = (value: string) => value.replaceAll(/[&<>"']/g, (found) => `&#${found.codePointAt(0)};`);

/** Writes a model as a peer might: any order, either quote, languages own or inherited, CDATA, foreign prefixes. */
function asXml({ identities, features, forms }: Model, style: Style): string {
  const attribute = (name: string, value: string) =>
    style.single ? `${name}='${escape(value)}'` : `${name} = "${escape(value)}"`;
  const value = (content: string) =>
    style.cdata && !content.includes(']]>')
      ? `<value><![CDATA[${content}]]></value>`
      : `<value>${escape(content)}</value>`;
  const parts = [
    ...identities.map(({ category, type, lang, name }) => {
      const own = lang === style.inherited ? '' : attribute('xml:lang', lang);
      const shown = name === '' ? '' : attribute('name', name);
      return `<identity ${attribute('type', type)} ${own} ${shown} ${attribute('category', category)}/>`;
    }),
    ...features.map((name) => `<feature ${attribute('var', name)}/>`),
    ...forms.map(({ type, fields }) => {
      const all = [
        `<f:field type='hidden' var='FORM_TYPE'><f:value>${escape(type)}</f:value></f:field>`,
        ...fields.map(
          ({ name, values }) =>
            `<f:field ${attribute('var', name)}>${shuffle(values.map(value), style.seed).join('').replaceAll('value>', 'f:value>').replaceAll('</f:f:', '</f:')}</f:field>`,
        ),
      ];
      return `<f:x xmlns:f='jabber:x:data' type='result'>${shuffle(all, style.seed).join('')}</f:x>`;
    }),
  ];
  const where = style.langOn;
  const lang = (place: Style['langOn']) =>
    place === where && style.inherited !== '' ? attribute('xml:lang', style.inherited) : '';
  return `<iq xmlns='jabber:client' ${lang('iq')}><query xmlns='http://jabber.org/protocol/disco#info' ${lang('query')}>${shuffle(parts, style.seed).join('\n')}</query></iq>`;
}

interface Style {
  readonly single: boolean;
  readonly cdata: boolean;
  readonly inherited: string;
  readonly langOn: 'stream' | 'iq' | 'query';
  readonly seed: number;
}

const style: fc.Arbitrary<Style> = fc.record({
  single: fc.boolean(),
  cdata: fc.boolean(),
  inherited: language,
  langOn: fc.constantFrom('stream', 'iq', 'query'),
  seed: fc.nat(),
});

const plain: Style = { single: true, cdata: false, inherited: '', langOn: 'iq', seed: 0 };

function shuffle<T>(items: readonly T[], seed: number): T[] {
  let state = seed + 1;
  const keyed = items.map((item) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return { item, key: state };
  });
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}

describe('any information, in any form', () => {
  it('has the hashes that a second implementation computes, and keeps them when rewritten', () => {
    fc.assert(
      fc.property(model, style, (given, manner) => {
        const streamLang = manner.langOn === 'stream' ? manner.inherited : '';
        const info = infoOf(asXml(given, manner), { streamLang });
        expect(verificationHash(info)).toBe(secondVer(given));
        expect(capabilityHash(info, 'sha-256').value).toBe(secondHash(given, 'sha256'));
        expect(capabilityHash(info, 'sha3-256').value).toBe(secondHash(given, 'sha3-256'));
        const again = infoOf(writeDiscoInfo(info));
        expect(verificationHash(again)).toBe(verificationHash(info));
        expect(capabilityHash(again, 'sha-512')).toEqual(capabilityHash(info, 'sha-512'));
      }),
      { numRuns: 3_000 },
    );
  });

  it('is written in the same bytes whatever its order', () => {
    fc.assert(
      fc.property(model, style, style, (given, one, other) => {
        const write = (manner: Style) =>
          writeDiscoInfo(infoOf(asXml(given, { ...manner, langOn: 'query' })), 'n#v');
        expect(write(one)).toBe(write(other));
      }),
      { numRuns: 500 },
    );
  });

  it('has another XEP-0390 hash as soon as it differs', () => {
    fc.assert(
      fc.property(model, model, (one, other) => {
        const [a, b] = [one, other].map((given) => infoOf(asXml(given, plain)));
        const same = writeDiscoInfo(a!) === writeDiscoInfo(b!);
        expect(capabilityHash(a!, 'sha-256').value === capabilityHash(b!, 'sha-256').value).toBe(same);
      }),
      { numRuns: 500 },
    );
  });
});

describe('sorting', () => {
  it('compares octets of UTF-8, not UTF-16 code units', () => {
    const info = { identities: [], features: ['\u{10000}', '\u{FFFD}'], forms: [] };
    expect(verificationString(info)).toBe('\u{FFFD}<\u{10000}<');
  });

  it('compares identities part by part, not as joined text', () => {
    const rest = { lang: '', name: '' };
    const identities = [
      { category: 'a-b', type: 'x', ...rest },
      { category: 'a', type: 'z', ...rest },
    ];
    const info = { identities, features: [], forms: [] };
    expect(verificationString(info)).toBe('a/z//<a-b/x//<');
  });
});

describe('verification', () => {
  const info = infoOf(exodus);
  const claim = {
    node: 'http://code.google.com/p/exodus',
    ver: 'QgayPKawpkPSDYmwT/WM94uAlu0=',
    hash: 'sha-1',
  };

  it('distinguishes verified, mismatching, legacy and unsupported', () => {
    expect(verifyLegacyCaps(info, claim)).toBe('verified');
    expect(verifyLegacyCaps(info, { ...claim, ver: 'QgayPKawpkPSDYmwT/WM94uAlu1=' })).toBe('mismatch');
    expect(verifyLegacyCaps(info, { node: claim.node, ver: '0.9.1' })).toBe('unsupported');
    expect(verifyLegacyCaps(info, { ...claim, hash: 'md5' })).toBe('unsupported');
    expect(verifyCapabilityHash(info, capabilityHash(info, 'sha3-256'))).toBe('verified');
    expect(verifyCapabilityHash(info, capabilityHash(info, 'sha-1'))).toBe('unsupported');
    expect(verifyCapabilityHash(info, { algorithm: 'sha-256', value: 'AAAA' })).toBe('mismatch');
    expect(verifyCapabilityHash(info, capabilityHash(info, 'sha-256'), 'ERR_CAPS_FORM_TYPE')).toBe(
      'unsupported',
    );
  });

  it('does not let a form pass for features, although XEP-0115 hashes both alike', () => {
    const features = info.features.toSorted();
    const formed = {
      identities: info.identities,
      features: features.slice(0, -1),
      forms: [{ formType: features.at(-1)!, fields: [] }],
    };
    expect(verificationHash(formed)).toBe(claim.ver);
    expect(verifyLegacyCaps(formed, claim)).toBe('matching');
    expect(capabilityHash(formed, 'sha-256')).not.toEqual(capabilityHash(info, 'sha-256'));
  });

  it('does not confuse a feature with an identity, nor the reverse', () => {
    const moved = { identities: [], features: ['client/pc//Exodus 0.9.1', ...info.features], forms: [] };
    expect(verificationHash(moved)).toBe(claim.ver);
    expect(verifyLegacyCaps(moved, claim)).toBe('matching');
    const [caps, ...rest] = info.features.toSorted();
    const identity = { category: 'http:', type: '', lang: 'jabber.org', name: 'protocol/caps' };
    const widened = { identities: [...info.identities, identity], features: rest, forms: [] };
    expect(caps).toBe('http://jabber.org/protocol/caps');
    expect(verificationHash(widened)).toBe(claim.ver);
    expect(verifyLegacyCaps(widened, claim)).toBe('matching');
  });

  it('does not trust a less-than sign, and writes it as in the note of XEP-0115 §5.1', () => {
    const name = 'SomeClient<http://jabber.org/protocol/muc';
    const trap = {
      identities: [{ category: 'client', type: 'pc', lang: '', name }],
      features: [],
      forms: [],
    };
    expect(verificationString(trap)).toBe('client/pc//SomeClient&lt;http://jabber.org/protocol/muc<');
    expect(isUnambiguous(trap)).toBe(false);
  });

  it('refuses characters that would forge the borders of XEP-0390', () => {
    expect(() =>
      readXml("<query xmlns='http://jabber.org/protocol/disco#info'><feature var='a&#x1F;b'/></query>"),
    ).toThrow('ERR_XML_NOT_WELL_FORMED');
  });
});

describe('nodes and elements', () => {
  it('joins and splits nodes, at the last full stop', () => {
    expect(legacyCapsNode({ node: 'http://psi-im.org', ver: 'x=' })).toBe('http://psi-im.org#x=');
    const hash = { algorithm: 'dotted.name-256', value: 'AAA+/=' };
    expect(parseCapabilityHashNode(capabilityHashNode(hash))).toEqual(hash);
    expect(parseCapabilityHashNode('urn:xmpp:caps#nothing')).toBeUndefined();
    expect(parseCapabilityHashNode('http://psi-im.org#a.b')).toBeUndefined();
  });

  it('writes both elements in one form', () => {
    expect(writeLegacyCaps({ node: 'https://a.example/&', ver: 'v=' })).toBe(
      "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://a.example/&amp;' ver='v='/>",
    );
    expect(writeHashSet([{ algorithm: 'sha-256', value: 'v=' }])).toBe(
      "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>v=</hash></c>",
    );
    expect(supportsHash('sha-256') && !supportsHash('md5')).toBe(true);
    expect(() => capabilityHash(infoOf(exodus), 'md5')).toThrow(RangeError);
  });
});
