/** The short way for stanzas in the usual form: which take it, and that every stanza has the same tape as over the
 *  scanner's own way, which reads whatever arrives in single bytes. */
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { PlainStanza } from '../../src/stream/plain-stanza.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { typicalStanzas } from '../bench/typical-stanzas.ts';
import { generatedStanza } from '../support/generated-stanzas.ts';
import { mutateBytes } from '../support/mutations.ts';
import { Random } from '../support/random.ts';
import { byteByByte, newWorkspace, scan } from '../support/scan.ts';
import { headers } from './hostile/case.ts';

const header = Buffer.from(headers['to-gatekeeper']);
const workspace = newWorkspace();

let read: MockInstance<PlainStanza['read']>;

beforeEach(() => {
  read = vi.spyOn(PlainStanza.prototype, 'read');
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Returns how many stanzas took the short way since the last call. */
function taken(): number {
  const count = read.mock.results.filter(({ value }) => value !== -1).length;
  read.mockClear();
  return count;
}

/** Scans bytes after a header both ways, and compares all that is seen of them.
 *  @returns how many stanzas took the short way */
function scanBothWays(bytes: Uint8Array, limits: StreamLimits = defaultLimits): number {
  taken();
  const whole = scan([header, bytes], { workspace, limits });
  const count = taken();
  const single = scan([header, ...byteByByte(bytes)], { workspace, limits });
  expect(taken()).toBe(0);
  expect(whole).toEqual(single);
  return count;
}

const message = (inside: string, attributes = ''): string => `<message${attributes}>${inside}</message>`;

describe('takes the short way', () => {
  it.each([
    ['without content', '<presence/>', 1],
    ['two of them', '<presence/><presence/>', 2],
    ['text of any script, with quotes and line feeds', message('<body>«Où?» "it\'s"\n\tfine</body>'), 1],
    ['quotes of either kind', message('', ` to="b'@c.example" from='"a"@c.example'`), 1],
    ['a language', message('', " xml:lang='en'"), 1],
    [
      'a known namespace, and again that of the stream',
      message(`<x xmlns='${ns.sm}'><a/></x><body>b</body>`),
      1,
    ],
    ['white space between elements', message('\n  <body>b</body>\n'), 1],
    ['six attributes', message('', " a='1' to='2' from='3' id='4' type='5' xml:lang='6'"), 1],
  ])('%s', (_, text, count) => {
    expect(scanBothWays(Buffer.from(text))).toBe(count);
  });
});

describe('is read by the scanner', () => {
  it.each([
    ['a reference in text', message('<body>&amp;</body>')],
    ['a reference in a value', message('', " to='&amp;'")],
    ['white space in a value', message('', " to='a\tb'")],
    ['a carriage return in text', message('<body>\r</body>')],
    ['`>` in text', message('<body>></body>')],
    ['a CDATA section', message('<body><![CDATA[b]]></body>')],
    ['a prefix of an element', message("<p:x xmlns:p='urn:p'/>")],
    ['a prefix of an attribute', message('', " stream:a='1'")],
    ['another attribute of the xml namespace', message('', " xml:id='1'")],
    ['an attribute whose name begins like the language', message('', " xml:language='en'")],
    ['an unknown namespace', message("<x xmlns='urn:nobody:knows'/>")],
    ['no namespace', message("<x xmlns=''/>")],
    ['the streams namespace', message(`<x xmlns='${ns.streams}'/>`)],
    ['the xml namespace as the default one', message(`<x xmlns='${ns.xml}'/>`)],
    ['a name outside of ASCII', message('<é/>')],
    ['two unknown attributes', message('', " anything='1' whatever='2'")],
    ['one attribute twice', message('', " to='1' to='2'")],
    ['two default namespaces', message(`<x xmlns='${ns.sm}' xmlns='${ns.sm}'/>`)],
    ['two spaces before an attribute', message('', "  to='1'")],
    ['a space before `/>`', message('<body />')],
    ['a space in an end tag', '<message></message >'],
    ['spaces around the equals sign', message('', " to = '1'")],
    ['no space between attributes', message('', " to='1'from='2'")],
    ['another end tag', '<message></presence>'],
    ['a long tape', message('<a/>'.repeat(100))],
    ['half a stanza', '<message><body>b'],
    ['half a name', '<mess'],
    ['the end of the stream', '</stream:stream>'],
    ['a control character', message('\u0001')],
    ['`<` in a value', message('', " to='<'")],
  ])('%s', (_, text) => {
    expect(scanBothWays(Buffer.from(text))).toBe(0);
  });

  it.each<[keyof StreamLimits, number, string]>([
    ['stanzaBytesMax', 30, message('<body>0123456789</body>')],
    ['tagBytesMax', 20, message('', " to='0123456789'")],
    ['tagBytesMax', 9, message('')],
    ['nameBytesMax', 6, '<message/>'],
    ['nameBytesMax', 7, message('', " xml:lang='e'")],
    ['depthMax', 2, message('<a><a/></a>')],
    ['elementsMax', 2, message('<a/><a/>')],
    ['attributesMax', 1, message('', " to='1' from='2'")],
    ['namespacesMax', 1, message(`<x xmlns='${ns.sm}'><x xmlns='${ns.sm}'/></x>`)],
  ])('a stanza beyond %s', (name, value, text) => {
    const limits = { ...defaultLimits, [name]: value };
    const scanner = new Scanner({
      names: createVocabulary(),
      limits: defaultLimits,
      workspace,
      sink: silent,
    });
    scanner.push(header);
    scanner.limits = limits;
    taken();
    expect(() => scanner.push(Buffer.from(text))).toThrow();
    expect(taken()).toBe(0);
  });
});

const silent = { header: () => {}, stanza: () => {}, whitespace: () => {}, end: () => {} };

it.each(typicalStanzas.map(({ name, write }) => [name, write] as const))(
  '%s: the same tape both ways',
  (_, write) => {
    scanBothWays(Buffer.from(write(1)));
  },
);

it('of generated streams, some of them damaged, everything is the same both ways', () => {
  const random = new Random(21);
  let short = 0;
  for (let stream = 0; stream < 400; stream += 1) {
    const written = Buffer.from(Array.from({ length: 3 }, () => generatedStanza(random)).join(''));
    short += scanBothWays(stream % 2 === 0 ? written : mutateBytes(written, random));
  }
  expect(short).toBeGreaterThan(100);
});
