import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attribute, element, text, type Element } from '../../../src/simulator/xml/element.ts';
import {
  defaultReaderLimits,
  parseElement,
  StreamReader,
  type StreamEvent,
} from '../../../src/simulator/xml/reader.ts';
import { serialise } from '../../../src/simulator/xml/write.ts';

const header = `<?xml version='1.0'?><stream:stream to='a.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;

/** Every event of these chunks, as comparable text. */
function events(chunks: readonly Uint8Array[], reader = new StreamReader()): string[] {
  const seen: string[] = [];
  for (const chunk of chunks) {
    let rest: Uint8Array = chunk;
    for (;;) {
      const { event, consumed } = reader.read(rest);
      rest = rest.subarray(consumed);
      if (event.kind === 'incomplete') break;
      seen.push(describeEvent(event));
      if (event.kind === 'refused') return seen;
    }
  }
  return seen;
}

function describeEvent(event: StreamEvent): string {
  if (event.kind === 'refused') return `refused ${event.condition}`;
  return event.kind === 'element' ? `element ${event.element.local} ${event.xml}` : event.kind;
}

function everySplit(bytes: Buffer): readonly (readonly Uint8Array[])[] {
  const pairs = Array.from({ length: bytes.length }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [[bytes], [...bytes].map((byte) => Uint8Array.of(byte)), ...pairs];
}

const x = 'sentinel';
const cases: readonly (readonly [name: string, input: string | Buffer, last: string])[] = [
  ['a stanza', `${header}<message to='b'/><${x}/>`, `element ${x} <${x}/>`],
  ['white space between stanzas', `${header} \r\n\t<${x}/>`, `element ${x} <${x}/>`],
  ['CDATA that looks like stanzas', `${header}<a><![CDATA[</a><b/>&]]></a><${x}/>`, `element ${x} <${x}/>`],
  [
    'references to legal characters',
    `${header}<a b='&#x41;&lt;'>&#10;&amp;</a><${x}/>`,
    `element ${x} <${x}/>`,
  ],
  ['four-byte characters', `${header}<a>\u{1F339}</a><${x}/>`, `element ${x} <${x}/>`],
  ['the end', `${header}</stream:stream>`, 'end'],
  ['a comment', `${header}<a><!-- c --></a>`, 'refused restricted-xml'],
  ['a comment between stanzas', `${header}<!-- c --><a/>`, 'refused restricted-xml'],
  ['a processing instruction', `${header}<?php x?><a/>`, 'refused restricted-xml'],
  ['a DTD', `<?xml version='1.0'?><!DOCTYPE s [<!ENTITY e 'v'>]>${header}`, 'refused restricted-xml'],
  ['a second declaration', `${header}<?xml version='1.0'?>`, 'refused not-well-formed'],
  ['XML 1.1', header.replace('1.0', '1.1'), 'refused not-well-formed'],
  ['another encoding', `<?xml version='1.0' encoding='ISO-8859-1'?>`, 'refused unsupported-encoding'],
  ['UTF-16', Buffer.from(`\uFEFF${header}`, 'utf16le'), 'refused unsupported-encoding'],
  ['a byte order mark', `\uFEFF${header}`, 'refused not-well-formed'],
  ['white space before the declaration', ` ${header}`, 'refused not-well-formed'],
  ['text between stanzas', `${header}text<a/>`, 'refused bad-format'],
  ['CDATA between stanzas', `${header}<![CDATA[x]]><a/>`, 'refused bad-format'],
  ['a stream inside the stream', `${header}<stream:stream>`, 'refused bad-format'],
  ['an unknown entity', `${header}<a>&nbsp;</a>`, 'refused not-well-formed'],
  ['a bare ampersand in text', `${header}<a>a & b</a><b/>`, 'refused not-well-formed'],
  ['a bare ampersand in an attribute', `${header}<a b='a & b'/><b/>`, 'refused not-well-formed'],
  ['a duplicate attribute', `${header}<a b='1' b='2'/>`, 'refused not-well-formed'],
  [
    'an attribute twice under two prefixes',
    `${header}<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>`,
    'refused not-well-formed',
  ],
  ['an undeclared prefix', `${header}<p:a/>`, 'refused not-well-formed'],
  ['crossed tags', `${header}<a><b></a></b>`, 'refused not-well-formed'],
  ['a less-than in an attribute', `${header}<a b='<'/>`, 'refused not-well-formed'],
  ['a control character', `${header}<a>\u0001</a>`, 'refused not-well-formed'],
  ['an end of CDATA in text', `${header}<a>]]></a>`, 'refused not-well-formed'],
  ['a truncated character', bytes(header, '<a>', [0xe2, 0x82], '</a>'), 'refused not-well-formed'],
  ['an overlong character', bytes(header, '<a>', [0xc0, 0xbc], '</a>'), 'refused not-well-formed'],
  ['a surrogate', bytes(header, '<a>', [0xed, 0xa0, 0x80], '</a>'), 'refused not-well-formed'],
];

function bytes(...parts: readonly (string | readonly number[])[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

describe('the strict reader', () => {
  it.each(cases)('reads %s the same at every split', (_, input, last) => {
    const whole = Buffer.from(input as string);
    const expected = events([whole]);
    expect(expected.at(-1)).toBe(last);
    for (const chunks of everySplit(whole)) expect(events(chunks)).toEqual(expected);
  });

  it('delivers the events before the fault', () => {
    const input = Buffer.concat([Buffer.from(`${header}<a/>`), Buffer.from([0xff]), Buffer.from('<b/>')]);
    expect(events([input])).toEqual(['header', 'element a <a/>', 'refused bad-format']);
  });

  it('leaves the bytes after an element to the next reader', () => {
    const reader = new StreamReader();
    const input = Buffer.from(`${header}<a/>\n${header}<b/>`);
    const first = reader.read(input);
    const second = reader.read(input.subarray(first.consumed));
    const rest = input.subarray(first.consumed + second.consumed);
    expect(rest.toString()).toBe(`\n${header}<b/>`);
    const restarted = new StreamReader(defaultReaderLimits, { isRestart: true });
    expect(events([rest], restarted)).toEqual(['header', 'element b <b/>']);
  });

  it.each([
    ['bytes', { stanzaBytesMax: 300 }, `<a b='${'x'.repeat(300)}'/>`],
    ['bytes of an unfinished tag', { stanzaBytesMax: 300 }, `<a b='${'x'.repeat(300)}`],
    ['depth', { depthMax: 3 }, '<a><a><a><a/></a></a></a>'],
    ['elements', { elementsMax: 3 }, '<a><b/><b/><b/></a>'],
    ['attributes', { attributesMax: 4 }, `<a b='' c='' d='' e='' f=''/>`],
  ])('bounds %s', (_, limits, stanza) => {
    const reader = () => new StreamReader({ ...defaultReaderLimits, ...limits });
    expect(events([Buffer.from(header + stanza)], reader()).at(-1)).toBe('refused policy-violation');
    expect(events([Buffer.from(`${header}<a><b/></a><a b=''/>`)], reader()).at(-1)).toMatch(/^element/);
  });

  it('holds nothing for keep-alives', () => {
    const reader = new StreamReader({ ...defaultReaderLimits, stanzaBytesMax: 200 });
    expect(events([Buffer.from(header), Buffer.alloc(100_000, ' '), Buffer.from('<a/>')], reader)).toEqual([
      'header',
      'element a <a/>',
    ]);
  });
});

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,8}$/).filter((one) => !/^xml/i.test(one));
const characters = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter((one) => !/[\p{Cs}\p{Cc}\uFFFE\uFFFF]/u.test(one));
const value = fc.oneof(characters, fc.constantFrom(`&<>'"`, 'a\r\nb', '\t', ' x ', ']]>'));
const { tree } = fc.letrec<{ tree: Element }>((tie) => ({
  tree: fc
    .record({
      namespace: fc.constantFrom('jabber:client', 'urn:example:a', 'urn:example:b', ''),
      local: name,
      attributes: fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true }),
      children: fc.array(fc.oneof({ maxDepth: 4 }, value, tie('tree')), { maxLength: 3 }),
    })
    .map(({ namespace, local, attributes, children }) => element(namespace, local, attributes, ...children)),
}));

/** Expanded names, attributes and joined text: what two parsers must agree on. */
function meaning(source: Element): unknown {
  const children: unknown[] = [];
  for (const one of source.children) {
    const last = children.at(-1);
    if (typeof one !== 'string') children.push(meaning(one));
    else if (typeof last === 'string') children[children.length - 1] = last + one;
    else if (one !== '') children.push(one);
  }
  const attributes = source.attributes
    .filter(({ namespace }) => namespace !== 'http://www.w3.org/2000/xmlns/')
    .map((one) => [one.local, one.value]);
  return [source.namespace, source.local, attributes, children];
}

describe('writing', () => {
  it('is read back as the same tree', () => {
    fc.assert(
      fc.property(tree, (source) => {
        const read = parseElement(serialise(source));
        expect(read && meaning(read)).toEqual(meaning(source));
      }),
      { numRuns: 500 },
    );
  });

  it('carries a prefixed stanza over without its prefixes', () => {
    const source = parseElement(
      `<c:message xmlns:c='jabber:client' xmlns:p='urn:p' p:mark='1' to='b'><p:x xml:lang='en'/></c:message>`,
    )!;
    const written = serialise(source);
    expect(written).toBe(
      `<message xmlns:ns0='urn:p' ns0:mark='1' to='b'><x xmlns='urn:p' xml:lang='en'/></message>`,
    );
    expect(attribute(parseElement(written)!, 'to')).toBe('b');
    expect(text(source)).toBe('');
  });
});
