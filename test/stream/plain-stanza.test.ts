/** The short way for stanzas in the usual form: which take it, and that every stanza has the same tape and normal form as
 *  over the scanner's own way, which reads whatever arrives in single bytes. */
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { StreamError } from '../../src/stanza/error.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { notPlain, PlainStanza } from '../../src/stream/structure/plain.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { typicalStanzas } from '../bench/typical-stanzas.ts';
import { generatedStanza } from '../support/generated-stanzas.ts';
import { mutateBytes } from '../support/mutations.ts';
import { Random } from '../support/random.ts';
import { byteByByte, newWorkspace, scan, vocabulary } from '../support/scan.ts';
import { headers } from './hostile/case.ts';

const header = Buffer.from(headers['to-gatekeeper']);
const workspace = newWorkspace();
const silent = { header: () => {}, stanza: () => {}, whitespace: () => {}, end: () => {} };

let read: MockInstance<PlainStanza['read']>;

beforeEach(() => {
  read = vi.spyOn(PlainStanza.prototype, 'read');
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Returns how many stanzas took the short way since the last call. */
function taken(): number {
  const count = read.mock.results.filter(({ value }) => value !== notPlain).length;
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
  if (whole.verdict === 'accept') expect(normalForms([bytes])).toEqual(normalForms(byteByByte(bytes)));
  return count;
}

/** Where the module writes normal forms (plain.as.ts). */
const normalFormAt = 0x8_0000;

/** Normal forms that are not written because they are too long. */
const tooLong = 'too long';

/** Returns the normal forms of the stanzas in chunks that follow a header. */
function normalForms(chunks: Iterable<Uint8Array>): readonly string[] {
  const written: string[] = [];
  const canonical = new CanonicalWriter(defaultLimits);
  const scanner = new Scanner({
    names: vocabulary,
    limits: defaultLimits,
    workspace,
    sink: {
      ...silent,
      stanza: (stanza) => {
        try {
          written.push(Buffer.from(canonical.write(stanza)).toString());
        } catch (error) {
          if (!(error instanceof StreamError)) throw error;
          written.push(tooLong);
        }
      },
    },
  });
  for (const chunk of [header, ...chunks]) scanner.push(chunk);
  return written;
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
    ['attributes that the vocabulary lacks', message(`<x rid='1' prekey='true' prekeys='2'/>`), 1],
    ['six attributes', message('', " a='1' to='2' from='3' id='4' type='5' xml:lang='6'"), 1],
  ])('%s', (_, text, count) => {
    expect(scanBothWays(Buffer.from(text))).toBe(count);
  });
});

describe('is read by the scanner', () => {
  it.each([
    ['an attribute twice that the vocabulary lacks', message(`<x rid='1' prekey='true' rid='1'/>`)],
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
      names: vocabulary,
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

describe('writes in normal form', () => {
  let writeNormal: MockInstance<PlainStanza['writeNormal']>;

  beforeEach(() => {
    writeNormal = vi.spyOn(PlainStanza.prototype, 'writeNormal');
  });

  const x = `x xmlns='${ns.sm}'`;

  it.each([
    ['a stanza that has it', message('<body>b</body>'), message('<body>b</body>')],
    ['double quotes', message('', ' to="b"'), "<message to='b'/>"],
    ['a double quote in single quotes', message('', ` to='"'`), `<message to='"'/>`],
    ['attributes in another order', message('', " xml:lang='e' type='t' to='b' id='1' idx='2'"), "<message id='1' idx='2' to='b' type='t' xml:lang='e'/>"],
    ['a declaration after attributes', message(`<x id='1' xmlns='${ns.sm}'>t</x>`), message(`<${x} id='1'>t</x>`)],
    ['a declaration that changes nothing', message('<body>b</body>', ` xmlns='${ns.client}'`), message('<body>b</body>')],
    ['a namespace and again that of the stream', message(`<${x}><r/><a xmlns='${ns.client}'/></x>`), message(`<${x}><r/><a xmlns='${ns.client}'/></x>`)],
    ['elements without content', message('<body></body><body/>'), message('<body/><body/>')],
    ['long texts', message(`<body>${'long text '.repeat(100)}</body>`), message(`<body>${'long text '.repeat(100)}</body>`)],
  ])('%s', (_, text, wanted) => {
    expect(normalForms([Buffer.from(text)])).toEqual([wanted]);
    expect(writeNormal.mock.results.map(({ value }) => value !== undefined)).toEqual([true]);
    expect(normalForms(byteByByte(Buffer.from(text)))).toEqual([wanted]);
  }); // prettier-ignore

  it('leaves a single quote in double quotes, which becomes a reference, to the writer', () => {
    expect(normalForms([Buffer.from(message('', ` to="'"`))])).toEqual(["<message to='&apos;'/>"]);
    expect(writeNormal).toHaveLastReturnedWith(undefined);
  });

  /** Writes a stanza as if it had come in a stream of another namespace: it must declare its own. */
  function inOtherStream(text: string): string {
    const canonical = new CanonicalWriter(defaultLimits);
    let written = '';
    const stanza = (found: Stanza): void => {
      found.scope = { ...found.scope, contentNamespace: ns.sm };
      written = Buffer.from(canonical.write(found)).toString();
    };
    const sink = { ...silent, stanza };
    const scanner = new Scanner({ names: vocabulary, limits: defaultLimits, workspace, sink });
    for (const chunk of [header, Buffer.from(text)]) scanner.push(chunk);
    return written;
  }

  it('leaves a namespace that no element declares to the writer', () => {
    expect(inOtherStream(message('<body>b</body>'))).toBe(message('<body>b</body>', ` xmlns='${ns.client}'`));
    expect(writeNormal).toHaveLastReturnedWith(undefined);
  });

  const readable = 'readable'.repeat(20);

  it.each([
    ['a stanza', () => normalForms([Buffer.from(message(`<body>${readable}</body>`))])],
    ['what was begun of a stanza', () => inOtherStream(`<${readable}/>`)],
  ])('overwrites what is left of %s when it forgets', (_, write) => {
    workspace.forget();
    write();
    const { buffer } = workspace.structure.plain!.tape;
    const normalForm = (): Buffer => Buffer.from(buffer).subarray(normalFormAt);
    expect(normalForm().includes('readable')).toBe(true);
    workspace.forget();
    expect(Buffer.from(buffer).includes('readable')).toBe(false);
  });
});

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
