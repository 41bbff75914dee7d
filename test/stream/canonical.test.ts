import { SaxesParser } from 'saxes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';

const header = `<stream:stream xmlns='jabber:client' xmlns:stream='${ns.streams}' xmlns:h='urn:header' version='1.0'>`;
const workspace = newWorkspace();

/** The normal form of the stanza that `xml` is, after a stream header. */
function canonical(xml: string, open = header, stanzaBytesMax = 1_000_000, normalFormGrowthMax = 8): string {
  const writer = new CanonicalWriter({ stanzaBytesMax, normalFormGrowthMax });
  let written: string | undefined;
  const scanner = new Scanner({
    names: vocabulary,
    limits: defaultLimits,
    workspace,
    ambiguous: 'report',
    sink: {
      header() {},
      stanza: (stanza) => {
        written = Buffer.from(writer.write(stanza)).toString();
      },
      whitespace() {},
      end() {},
    },
  });
  scanner.push(Buffer.from(open + xml));
  return written!;
}

describe('golden cases', () => {
  test.each([
    ['an element without content', '<iq></iq>', '<iq/>'],
    ['an empty CDATA section', '<iq><![CDATA[]]></iq>', '<iq/>'],
    ['white space in tags', `<iq  id = "1"\n to='a' ><x xmlns='u'  /></iq\t>`, `<iq id='1' to='a'><x xmlns='u'/></iq>`],
    ['white space before the end of a tag', `<iq id='1' />`, `<iq id='1'/>`],
    ['white space instead of a slash', `<iq id='1' ></iq>`, `<iq id='1'/>`],
    ['another white space than a space', `<iq\tid='1'>a</iq>`, `<iq id='1'>a</iq>`],
    ['a declaration after an attribute', `<iq><x a='1' xmlns='u'/></iq>`, `<iq><x xmlns='u' a='1'/></iq>`],
    ['attributes out of order', `<iq to='a' id='1' type='get' from='b'/>`, `<iq from='b' id='1' to='a' type='get'/>`],
    ['one attribute name beginning another', `<iq ab='1' a='2' abc='3'/>`, `<iq a='2' ab='1' abc='3'/>`],
    ['double quotes', `<iq id="it's" to="a"/>`, `<iq id='it&apos;s' to='a'/>`],
    ['a quotation mark that needs no reference', `<iq id='&quot;&#x22;>&gt;'/>`, `<iq id='"">>'/>`],
    ['white space in a value', `<iq id='a\tb\nc\r\nd\re&#9;&#xA;&#13;f'/>`, `<iq id='a b c d e&#9;&#10;&#13;f'/>`],
    ['text', `<iq>a>b&gt;&lt;&amp;&apos;&quot;&#65;&#x1F600;'"</iq>`, `<iq>a&gt;b&gt;&lt;&amp;'"A\u{1F600}'"</iq>`],
    ['long text', `<iq>${'x'.repeat(200)}></iq>`, `<iq>${'x'.repeat(200)}&gt;</iq>`],
    ['line ends in text', '<iq>a\r\nb\rc\nd&#13;e&#10;f\tg</iq>', '<iq>a\nb\nc\nd&#13;e\nf\tg</iq>'],
    ['CDATA', '<iq>x<![CDATA[<&amp;>\r\n]]]]>y</iq>', '<iq>x&lt;&amp;amp;&gt;\n]]y</iq>'],
    ['references with leading zeros', '<iq>&#x000041;&#0000066;</iq>', '<iq>AB</iq>'],
    ['a declaration that changes nothing', `<iq xmlns='jabber:client'><x xmlns='jabber:client'/></iq>`, '<iq><x/></iq>'],
    ['an unused declaration', `<iq xmlns:p='u' id='1'/>`, `<iq id='1'/>`],
    ['prefixed elements', `<iq xmlns:p='u'><p:x><p:y/><z/></p:x></iq>`, `<iq><x xmlns='u'><y/><z xmlns='jabber:client'/></x></iq>`],
    ['prefixed elements with content', `<iq xmlns:p='u'><p:x>a</p:x ></iq>`, `<iq><x xmlns='u'>a</x></iq>`],
    ['a prefix of the header', `<iq><h:x/></iq>`, `<iq><x xmlns='urn:header'/></iq>`],
    ['a namespace known by the vocabulary', `<iq xmlns:p='urn:xmpp:ping'><p:ping/></iq>`, `<iq><ping xmlns='urn:xmpp:ping'/></iq>`],
    ['no namespace', `<iq><x xmlns=''><y/></x></iq>`, `<iq><x xmlns=''><y/></x></iq>`],
    ['a namespace written with references', `<iq><x xmlns="a&#38;'&#x62;"/><x xmlns='a&amp;&apos;b'/></iq>`, `<iq><x xmlns='a&amp;&apos;b'/><x xmlns='a&amp;&apos;b'/></iq>`],
    ['language', `<message xml:lang='de' to='a'/>`, `<message to='a' xml:lang='de'/>`],
    ['prefixed attributes', `<iq xmlns:b='v' xmlns:a='u' b:z='1' a:z='2' xml:lang='x' a:y='3' q='4'/>`, `<iq xmlns:ns1='u' xmlns:ns2='v' q='4' xml:lang='x' ns1:y='3' ns1:z='2' ns2:z='1'/>`],
    ['an attribute in its element\'s namespace', `<iq><p:x xmlns:p='u' p:a='1'/></iq>`, `<iq><x xmlns='u' xmlns:ns1='u' ns1:a='1'/></iq>`],
    ['an element of the streams namespace', `<stream:features><x xmlns='u'/><y/></stream:features>`, `<stream:features><x xmlns='u'/><y/></stream:features>`],
    ['a streams namespace with another prefix', `<s:features xmlns:s='${ns.streams}'><x xmlns='u'/></s:features>`, `<stream:features><x xmlns='u'/></stream:features>`],
    ['a default streams namespace', `<features xmlns='${ns.streams}'><x xmlns='u'/></features>`, `<stream:features><x xmlns='u'/></stream:features>`],
    ['an element of the xml namespace', `<iq><xml:x><y/></xml:x></iq>`, `<iq><xml:x><y/></xml:x></iq>`],
  ])('%s', (_, xml, expected) => {
    expect(canonical(xml)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  }); // prettier-ignore

  test('the stanza inherits the content namespace of its stream, known or unknown', () => {
    const open = `<s:stream xmlns='urn:other' xmlns:s='${ns.streams}'>`;
    expect(canonical(`<x xmlns='urn:other' id="1"><y xmlns='jabber:client'/></x>`, open)).toBe(
      `<x id='1'><y xmlns='jabber:client'/></x>`,
    );
    expect(canonical('<x/>', `<s:stream xmlns:s='${ns.streams}'>`)).toBe('<x/>');
  });

  test('a stanza that grows beyond the bound is refused', () => {
    const xml = `<iq xmlns:p='${'u'.repeat(10_000)}'>${'<p:x/>'.repeat(5_000)}</iq>`;
    const growth = 1_000_000;
    expect(() => canonical(xml, header, 1_000_000, growth)).toThrow(
      expect.objectContaining({ code: 'ERR_STANZA_TOO_LARGE' }),
    );
    const short = canonical('<iq>abc</iq>');
    expect(canonical('<iq>abc</iq>', header, short.length)).toBe(short);
    expect(() => canonical('<iq>abc</iq>', header, short.length - 1)).toThrow('');
  });

  test('a stanza that grows too many times is refused, wherever the long name is declared', () => {
    const open = header.replace('urn:header', `urn:${'h'.repeat(2_000)}`);
    const refusal = expect.objectContaining({
      code: 'ERR_NORMAL_FORM_GROWTH',
      condition: 'policy-violation',
    });
    expect(() => canonical('<iq><h:a/></iq>', open)).toThrow(refusal);
    expect(() => canonical(`<iq xmlns:p='urn:${'p'.repeat(500)}'>${'<p:a/>'.repeat(1_000)}</iq>`)).toThrow(
      refusal,
    );
    expect(() =>
      canonical(`<iq xmlns:p='urn:${'p'.repeat(500)}'>${"<a p:b=''/>".repeat(1_000)}</iq>`),
    ).toThrow(refusal);
    // What no sender means badly does not come near the bound: quotes, greater-than signs, the namespaces in use.
    expect(canonical(`<iq a="${"'".repeat(5_000)}">${'>'.repeat(5_000)}</iq>`)).toHaveLength(50_014);
    expect(canonical('<h:a/>')).toBe("<a xmlns='urn:header'/>");
  });
});

interface Tree {
  readonly namespace: string;
  readonly local: string;
  /** [namespace, local name, value], expanded names all different. */
  readonly attributes: readonly (readonly [string, string, string])[];
  readonly children: readonly (Tree | string)[];
}

const names = fc.constantFrom('a', 'ab', 'b', 'body', 'to', 'é', 'x-1');
const namespaces = fc.constantFrom('jabber:client', 'urn:xmpp:ping', 'urn:header', 'u&\'"', 'u', '');
const value = fc
  .array(fc.constantFrom('a', '<', '>', '&', "'", '"', '\t', '\n', '\r', ']]>', 'ü', '\u{1F600}', ' ', 'xyz'.repeat(40)))
  .map((parts) => parts.join('')); // prettier-ignore
const trees = fc.letrec<{ tree: Tree; child: Tree | string }>((tie) => ({
  child: fc.oneof({ maxDepth: 4 }, value, tie('tree')),
  tree: fc.record({
    namespace: namespaces,
    local: names,
    attributes: fc.uniqueArray(
      fc.tuple(fc.constantFrom('', '', 'u', 'urn:header', ns.xml, "u&'"), names, value),
      { selector: ([namespace, local]) => `${namespace} ${local}`, maxLength: 9 },
    ),
    children: fc.array(tie('child'), { maxLength: 4 }),
  }),
})).tree;

/** Picks one of `count` ways to write something. */
type Choose = (count: number) => number;

/** One of the many ways to write a tree. */
function write(tree: Tree, inherited: string, choose: Choose): string {
  const declarations: string[] = [];
  const prefixed = (namespace: string): string => {
    if (namespace === ns.xml) return 'xml:';
    const prefix = `p${declarations.length}${'q'.repeat(choose(3))}`;
    declarations.push(`xmlns:${prefix}=${quoted(namespace, choose)}`);
    return `${prefix}:`;
  };
  let outer = inherited;
  let name = tree.local;
  if (tree.namespace !== '' && choose(2) === 0) name = prefixed(tree.namespace) + name;
  else if (tree.namespace !== inherited || choose(3) === 0) {
    declarations.push(`xmlns=${quoted(tree.namespace, choose)}`);
    outer = tree.namespace;
  }
  const attributes = tree.attributes.map(
    ([namespace, local, value]) =>
      `${(namespace === '' ? '' : prefixed(namespace)) + local}${blank(choose)}=${blank(choose)}${quoted(value, choose)}`,
  );
  const inTag = shuffled([...declarations, ...attributes], choose);
  const tag = [name, ...inTag].join(choose(3) === 0 ? '\n ' : ' ') + blank(choose);
  const content = tree.children
    .map((child) => (typeof child === 'string' ? written(child, choose) : write(child, outer, choose)))
    .join('');
  return content === '' && choose(2) === 0 ? `<${tag}/>` : `<${tag}>${content}</${name}${blank(choose)}>`;
}

function blank(choose: Choose): string {
  return ['', '', '', ' ', '\t\n'][choose(5)]!;
}

function shuffled<T>(items: readonly T[], choose: Choose): T[] {
  const result: T[] = [];
  for (const item of items) result.splice(choose(result.length + 1), 0, item);
  return result;
}

const entities = new Map([['&', 'amp'], ['<', 'lt'], ['>', 'gt'], ["'", 'apos'], ['"', 'quot']]); // prettier-ignore

function reference(character: string, choose: Choose): string {
  const entity = entities.get(character);
  if (entity !== undefined && choose(2) === 0) return `&${entity};`;
  const codePoint = character.codePointAt(0)!;
  return choose(2) === 0 ? `&#${codePoint};` : `&#x0${codePoint.toString(16)};`;
}

function quoted(value: string, choose: Choose): string {
  const quote = choose(2) === 0 ? "'" : '"';
  const must = `&<\t\n\r${quote}`;
  return quote + [...value].map((c) => (must.includes(c) || choose(8) === 0 ? reference(c, choose) : c)).join('') + quote; // prettier-ignore
}

/** What text cannot hold as it is: `]]>` must not stand in it, and a carriage return would be read as a line feed. */
function must(character: string, before: string | undefined): boolean {
  return '&<\r'.includes(character) || (character === '>' && before === ']');
}

function written(value: string, choose: Choose): string {
  if (choose(3) === 0 && !/\r|\]\]/.test(value)) return `<![CDATA[${value}]]>`;
  return [...value]
    .map((c, i, all) => (must(c, all[i - 1]) || choose(8) === 0 ? reference(c, choose) : c))
    .join('');
}

/** The tree as saxes reads it after the stream header, one line per event. */
function read(stanza: string): string[] {
  const events: string[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') events.push(`text ${JSON.stringify(text)}`);
    text = '';
  };
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local, attributes }) => {
    flush();
    const all = Object.values(attributes).filter((each) => each.uri !== ns.xmlns);
    events.push(`<{${uri}}${local} ${all.map((a) => JSON.stringify([a.uri, a.local, a.value])).sort().join()}`);
  }); // prettier-ignore
  parser.on('closetag', () => {
    flush();
    events.push('>');
  });
  const more = (value: string): void => {
    text += value;
  };
  parser.on('text', more);
  parser.on('cdata', more);
  parser.write(`${header}${stanza}</stream:stream>`).close();
  return events;
}

const choices = fc.infiniteStream(fc.nat(1_000_000), { noHistory: true });

function chooser(stream: Iterator<number>): Choose {
  return (count) => (stream.next().value as number) % count;
}

describe('properties', () => {
  test('the tree stays the same, and every form of it gives the same bytes', () => {
    fc.assert(
      fc.property(trees, choices, choices, (tree, first, second) => {
        const one = write(tree, 'jabber:client', chooser(first));
        const other = write(tree, 'jabber:client', chooser(second));
        const normal = canonical(one);
        expect(read(normal)).toEqual(read(one));
        expect(canonical(other)).toBe(normal);
        expect(canonical(normal)).toBe(normal);
      }),
      { numRuns: 400 },
    );
  });
});
