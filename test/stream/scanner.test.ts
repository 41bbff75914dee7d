import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { StreamError } from '../../src/stanza/error.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { Scanner, type ScannerSink } from '../../src/stream/scanner.ts';
import { sliceBytesMax } from '../../src/stream/structure/structure.ts';
import { byteByByte, newWorkspace, scan, structures, vocabulary, type Outcome } from '../support/scan.ts';
import { Random } from '../support/random.ts';
import { goodStanza, headers, streamOf, toBytes, type HostileCase } from './hostile/case.ts';
import { hostileCases } from './hostile/cases.ts';

const header = headers['to-gatekeeper'];
const directions = ['to-gatekeeper', 'to-client'] as const;

/** Every two-way split up to this size; of longer streams, as many at random. */
const allSplitsMax = 1_200;

/** Splits inside of what many streams begin with, for each of them: together they try every place. */
const commonSplits = 8;

/** @param common bytes at the beginning that other streams begin with, too */
function* splits(bytes: Uint8Array, random: Random, common: number): Generator<Uint8Array[]> {
  const splitAt = (at: number): Uint8Array[] => [bytes.subarray(0, at), bytes.subarray(at)];
  const everywhere = bytes.length <= allSplitsMax;
  if (!everywhere) for (let i = 0; i < 200; i += 1) yield splitAt(1 + random.below(bytes.length - 1));
  if (everywhere && common > 0)
    for (let i = 0; i < commonSplits; i += 1) yield splitAt(1 + random.below(common));
  if (everywhere) for (let at = common + 1; at < bytes.length; at += 1) yield splitAt(at);
  for (let i = 0; i < 8; i += 1) yield random.chunks(bytes, 40);
}

function expectSameForEverySplit(
  bytes: Uint8Array,
  scanChunks: (chunks: Iterable<Uint8Array>) => Outcome,
  common = 0,
): Outcome {
  const whole = scanChunks([bytes]);
  const reference = JSON.stringify(whole);
  const random = new Random(createHash('sha256').update(bytes).digest().readUInt32LE());
  const expectSame = (chunks: Iterable<Uint8Array>): void => {
    const outcome = scanChunks(chunks);
    if (JSON.stringify(outcome) !== reference) expect(outcome).toEqual(whole);
  };
  expectSame(byteByByte(bytes));
  for (const chunks of splits(bytes, random, common)) expectSame(chunks);
  return whole;
}

function expectVerdict([name, where, , expected]: HostileCase, outcome: Outcome, bytes: Uint8Array): void {
  const condition =
    expected === 'ambiguous' ? 'policy-violation' : expected === 'accept' ? undefined : expected;
  expect(outcome, name).toMatchObject({ verdict: condition === undefined ? 'accept' : 'reject', condition });
  if (outcome.verdict === 'accept') return;
  expect(outcome.offset).toBeGreaterThanOrEqual(0);
  expect(outcome.offset).toBeLessThanOrEqual(bytes.length);
  // Not one byte of the refused stanza leaves: of `stanza` cases, only the good one before it.
  const wellBefore = name === 'end-inside-stanza' || name === 'tag-end-early' || name === 'cdata-unclosed';
  if (where === 'stanza' && !wellBefore) expect(outcome.forwarded).toEqual([goodStanza]);
  const passed = outcome.forwarded.reduce((sum, stanza) => sum + stanza.length, 0);
  expect(passed).toBeLessThanOrEqual(outcome.offset);
}

describe.each(structures)('hostile cases, %s structure', (_, create) => {
  const workspace = newWorkspace(create());
  describe.each(directions)('%s', (direction) => {
    test.each(hostileCases)('%s', (...row) => {
      const bytes = streamOf(row, direction);
      const common = row[1] === 'stream' ? 0 : headers[direction].length;
      const outcome = expectSameForEverySplit(bytes, (chunks) => scan(chunks, { workspace }), common);
      expectVerdict(row, outcome, bytes);
    });
  });

  test.each(hostileCases.filter((row) => row[3] === 'ambiguous'))('%s, reported', (...row) => {
    const bytes = streamOf(row, 'to-client');
    const refusal = scan([bytes], { workspace });
    expect(refusal.code).toBe('ERR_XML_AMBIGUOUS');
    const common = row[1] === 'stream' ? 0 : headers['to-client'].length;
    const outcome = expectSameForEverySplit(
      bytes,
      (chunks) => scan(chunks, { workspace, ambiguous: 'report' }),
      common,
    );
    expect(outcome).toMatchObject({ verdict: 'accept', ambiguousAt: refusal.offset });
  });
});

test('the hostile names are unique', () => {
  expect(new Set(hostileCases.map(([name]) => name)).size).toBe(hostileCases.length);
});

/** A stream whose header is followed by `body`, scanned in every way. */
function scanBody(body: string, limits: Partial<StreamLimits> = {}): Outcome {
  const all = { ...defaultLimits, ...limits };
  const workspace = newWorkspace(undefined, all);
  const scanChunks = (chunks: Iterable<Uint8Array>): Outcome => scan(chunks, { workspace, limits: all });
  return expectSameForEverySplit(toBytes(header + body), scanChunks, header.length);
}

const list = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join('');

describe('limits', () => {
  // The header must fit too, so the limits of one tag lie above it.
  const cases: readonly (readonly [limit: keyof StreamLimits, value: number, code: string, body: (n: number) => string, at: number])[] = [
    ['stanzaBytesMax', 400, 'ERR_STANZA_TOO_LARGE', (n) => `<a>${'x'.repeat(n - 7)}</a>`, 400],
    ['tagBytesMax', 300, 'ERR_TAG_TOO_LARGE', (n) => `<a b='${'x'.repeat(n - 9)}'/>`, 300],
    ['nameBytesMax', 20, 'ERR_NAME_TOO_LONG', (n) => `<${'x'.repeat(n)}/>`, 21],
    ['depthMax', 9, 'ERR_DEPTH', (n) => list(n, () => '<a>') + list(n, () => '</a>'), 27],
    ['elementsMax', 9, 'ERR_ELEMENT_COUNT', (n) => `<a>${list(n - 1, () => '<b/>')}</a>`, 35],
    ['attributesMax', 9, 'ERR_ATTRIBUTE_COUNT', (n) => `<a${list(n, (i) => ` x${i}=''`)}/>`, 57],
    ['namespacesMax', 9, 'ERR_NAMESPACE_COUNT', (n) => `<a${list(n, (i) => ` xmlns:x${i}='u'`)}/>`, 120],
    ['whitespaceBytesMax', 9, 'ERR_WHITESPACE_RUN', (n) => `${' '.repeat(n)}<a/>`, 9],
  ]; // prettier-ignore

  test('every limit has a case', () => {
    // The growth of normal form is not the scanner's: canonical.test.ts.
    const { normalFormGrowthMax: _, ...limits } = defaultLimits;
    expect(cases.map(([limit]) => limit).sort()).toEqual(Object.keys(limits).sort());
  });

  test.each(cases)('%s at %i', (limit, value, code, body, at) => {
    expect(scanBody(body(value), { [limit]: value })).toMatchObject({ verdict: 'accept' });
    expect(scanBody(body(value + 1), { [limit]: value })).toMatchObject({
      verdict: 'reject',
      condition: 'policy-violation',
      code,
      offset: header.length + at,
      forwarded: [],
    });
  });

  test.each(cases)('%s at its default', (limit, _value, code, body) => {
    const value = defaultLimits[limit];
    const workspace = newWorkspace();
    // Large tags, texts and counts reach their own limit before another.
    expect(scan([toBytes(header + body(value))], { workspace })).toMatchObject({ verdict: 'accept' });
    expect(scan([toBytes(header + body(value + 1))], { workspace })).toMatchObject({ code });
  });

  test('depth and namespaces are those in scope, not those that were', () => {
    expect(
      scanBody("<a><b xmlns:p='u'/><b xmlns:p='u'/><b xmlns:p='u'/></a>", { namespacesMax: 2 }).verdict,
    ).toBe('accept');
    expect(scanBody('<a><b/><b/><b/></a>', { depthMax: 2 }).verdict).toBe('accept');
  });

  test('every stanza begins anew', () => {
    expect(
      scanBody('<a><b/></a>'.repeat(20), { elementsMax: 2, depthMax: 2, stanzaBytesMax: 300 }).verdict,
    ).toBe('accept');
    expect(scanBody('   <a/>'.repeat(20), { whitespaceBytesMax: 3 }).verdict).toBe('accept');
  });

  // What `<!` begins must be decided by bytes within the limit only, or chunks would change the error.
  test.each(['<!--x-->', '<!DOCTYPE x>', '<![CDATA[x]]>', '<?pi?>', "<?xml version='1.0'?>"])(
    '%s over the end of a stanza',
    (markup) => {
      for (let before = 0; before < 12; before += 1)
        scanBody(`<a>${'x'.repeat(300 - 12 + before)}${markup}</a>`, { stanzaBytesMax: 303 });
    },
  );

  test('of two errors the first on the wire counts', () => {
    expect(scanBody(`${' '.repeat(20)}x`, { whitespaceBytesMax: 9 })).toMatchObject({
      code: 'ERR_WHITESPACE_RUN',
      offset: header.length + 9,
    });
    expect(scanBody(`${' '.repeat(5)}x${' '.repeat(20)}`, { whitespaceBytesMax: 9 })).toMatchObject({
      code: 'ERR_STREAM_TEXT',
      offset: header.length + 5,
    });
  });

  test('new limits hold from the next byte', () => {
    const { scanner, events } = record();
    scanner.push(toBytes(`${header}<a>`));
    scanner.limits = { ...defaultLimits, stanzaBytesMax: 10 };
    expect(() => scanner.push(toBytes('12345678'))).toThrow('ERR_STANZA_TOO_LARGE');
    expect(events).toEqual(['header']);
  });
});

test.each([
  ['<message><b>x</c></message>', 'ERR_XML_NOT_WELL_FORMED', 15],
  ['<message>&bogus;</message>', 'ERR_XML_NOT_WELL_FORMED', 9],
  ["<message a='&bogus;'/>", 'ERR_XML_NOT_WELL_FORMED', 12],
  ["<message a='' a=''/>", 'ERR_XML_NOT_WELL_FORMED', 14],
  ['<message>{FF}</message>', 'ERR_XML_UTF8', 9],
  ['<message>{E2 28}</message>', 'ERR_XML_UTF8', 10],
  ['<p:a/>', 'ERR_XML_NAMESPACE', 1],
  ["<a xmlns:p=''/>", 'ERR_XML_NAMESPACE', 3],
  ['<a/><!-- -->', 'ERR_XML_RESTRICTED', 4],
  ['<a/>\n\nx', 'ERR_STREAM_TEXT', 6],
])('%s is refused with %s at %i', (body, code, offset) => {
  expect(scanBody(body)).toMatchObject({ code, offset: header.length + offset });
});

/** A scanner whose sink notes what happened; `react` may call the scanner back. */
function record(
  react: (event: string, scanner: Scanner) => void = () => undefined,
  options: { limits?: StreamLimits } = {},
) {
  const events: string[] = [];
  const note = (event: string): void => {
    events.push(event);
    react(event, scanner);
  };
  const sink: ScannerSink = {
    header: () => note('header'),
    stanza: (stanza) => note(stanza.qualifiedName(0)),
    whitespace: (length) => note(`${length} spaces`),
    end: () => note('end'),
  };
  const { limits = defaultLimits } = options;
  const scanner: Scanner = new Scanner({ names: vocabulary, limits, workspace: newWorkspace(), sink });
  return { scanner, events };
}

describe('events', () => {
  test('come in the order of the wire', () => {
    const { scanner, events } = record();
    scanner.push(toBytes(`${header} <a/>\n\n<b>x</b></stream:stream>`));
    scanner.finish();
    expect(events).toEqual(['header', '1 spaces', 'a', '1 spaces', '1 spaces', 'b', 'end']);
  });

  test('a stanza is delivered with its last byte', () => {
    const { scanner, events } = record();
    scanner.push(toBytes(`${header}<a><b/></a`));
    expect(events).toEqual(['header']);
    scanner.push(toBytes('>'));
    expect(events).toEqual(['header', 'a']);
    expect(scanner.bytesHeld).toBe(0);
  });

  test('memory has only unfinished stanzas, and nothing between stanzas', () => {
    const { scanner } = record();
    scanner.push(toBytes(header));
    expect(scanner.bytesHeld).toBe(0);
    scanner.push(toBytes(`${'<a/>'.repeat(1_000)}<b>123`));
    expect(scanner.bytesHeld).toBe(6);
    scanner.push(toBytes('</b>  '));
    expect(scanner.bytesHeld).toBe(0);
  });

  test('bytes handed out are not written again', () => {
    const wires: Uint8Array[] = [];
    const scanner = new Scanner({
      names: vocabulary,
      limits: defaultLimits,
      workspace: newWorkspace(),
      sink: { header() {}, whitespace() {}, end() {}, stanza: (stanza) => wires.push(stanza.wire()) },
    });
    const bodies = Array.from({ length: 50 }, (_, i) => `<a>${String(i).repeat(30)}</a>`);
    const random = new Random(7);
    for (const chunk of random.chunks(toBytes(header + bodies.join('')), 90)) scanner.push(chunk);
    expect(wires.map((wire) => Buffer.from(wire).toString())).toEqual(bodies);
  });

  test('a retained stanza stays', () => {
    const kept: (() => string)[] = [];
    const scanner = new Scanner({
      names: vocabulary,
      limits: defaultLimits,
      workspace: newWorkspace(),
      sink: {
        header() {}, whitespace() {}, end() {},
        stanza: (stanza) => {
          const copy = stanza.retain();
          kept.push(() => `${copy.qualifiedName(0)} ${copy.attributeValue(0, 'id')} ${copy.text(0)} ${copy.namespaceName(0)}`);
        },
      }, // prettier-ignore
    });
    for (const byte of byteByByte(toBytes(`${header}<a id='1'>x&amp;y</a><b xmlns='u' id='2'/>`)))
      scanner.push(byte);
    expect(kept.map((read) => read())).toEqual(['a 1 x&y jabber:client', 'b 2  u']);
  });
});

describe('restart and halt', () => {
  test.each([[0], [1], [7]])(
    'a new stream begins after the stanza that restarted it (%i bytes a chunk)',
    (size) => {
      const { scanner, events } = record((event, self) => event === 'success' && self.restart());
      const bytes = toBytes(`${header}<success/>${header}<a/></stream:stream>`);
      for (let at = 0; at < bytes.length; at += size || bytes.length)
        scanner.push(bytes.subarray(at, at + (size || bytes.length)));
      expect(events).toEqual(['header', 'success', 'header', 'a', 'end']);
    },
  );

  test('between calls too', () => {
    const { scanner, events } = record();
    scanner.push(toBytes(`${header}<proceed/>`));
    scanner.restart();
    scanner.push(toBytes(header));
    expect(events).toEqual(['header', 'proceed', 'header']);
  });

  test('without a restart a second header is refused', () => {
    const { scanner } = record();
    scanner.push(toBytes(`${header}<success/>`));
    expect(() => scanner.push(toBytes(header))).toThrow(StreamError);
  });

  test('a restart forgets the prefixes of the header', () => {
    const { scanner } = record();
    scanner.push(toBytes(header.replace(" to='", " xmlns:p='urn:p' to='")));
    scanner.push(toBytes('<p:a/>'));
    scanner.restart();
    scanner.push(toBytes(header));
    expect(() => scanner.push(toBytes('<p:a/>'))).toThrow('ERR_XML_NAMESPACE');
  });

  test('halt stops after the element, at the right byte, however it arrived', () => {
    const text = `${header}<starttls xmlns='${ns.tls}'/>`;
    const bytes = toBytes(`${text}\x16\x03\x01<not xml`);
    for (let split = 0; split <= bytes.length; split += 1) {
      const { scanner, events } = record((event) => event === 'starttls' && scanner.halt());
      const first = scanner.push(bytes.subarray(0, split));
      const taken = events.length === 2 ? first : first + scanner.push(bytes.subarray(split));
      expect(taken).toBe(text.length);
      expect(events).toEqual(['header', 'starttls']);
    }
  });

  test('halt at the end of an index slice leaves the rest', () => {
    const tail = '<halt/>';
    const text = `${header}<a>${'x'.repeat(sliceBytesMax - header.length - 7 - tail.length)}</a>${tail}`;
    expect(text.length).toBe(sliceBytesMax);
    const { scanner } = record((event) => event === 'halt' && scanner.halt());
    expect(scanner.push(toBytes(text + 'x'.repeat(100)))).toBe(sliceBytesMax);
  });
});

describe('end of input', () => {
  test.each([
    ['', true],
    [header, true],
    [`${header}<a/>`, true],
    [`${header}<a/> `, true],
    [`${header}</stream:stream>`, true],
    ['<', false],
    [header.slice(0, 30), false],
    [`${header}<`, false],
    [`${header}<a>`, false],
    [`${header}<a></a`, false],
    [`${header}</stream:stream`, false],
  ])('%s', (text, fine) => {
    const { scanner } = record();
    scanner.push(toBytes(text));
    expect(scanner.atBoundary).toBe(fine);
    if (fine) scanner.finish();
    else expect(() => scanner.finish()).toThrow('ERR_XML_NOT_WELL_FORMED');
  });

  test('a scanner that refused goes on refusing', () => {
    const { scanner, events } = record();
    const refuse = (text: string) => () => scanner.push(toBytes(text));
    expect(refuse(`${header}<a/><!---->`)).toThrow('ERR_XML_RESTRICTED');
    expect(refuse('<b/>')).toThrow('ERR_XML_RESTRICTED');
    expect(() => scanner.finish()).toThrow('ERR_XML_RESTRICTED');
    expect(events).toEqual(['header', 'a']);
  });
});

/** What the sink learns of the first stanza and of the header. */
function read(
  text: string,
  ambiguous: 'refuse' | 'report' = 'refuse',
): { names: string[]; kinds: string[]; contentNamespace: string; lang: string } {
  const result = { names: [] as string[], kinds: [] as string[], contentNamespace: '', lang: '' };
  const scanner = new Scanner({
    ambiguous,
    names: vocabulary,
    limits: defaultLimits,
    workspace: newWorkspace(),
    sink: {
      header: ({ scope }) => Object.assign(result, { contentNamespace: scope.contentNamespace, lang: scope.lang }),
      stanza: (stanza) => {
        result.kinds.push(stanza.kind);
        result.names.push(`{${stanza.namespaceName(0)}}${stanza.localName(0)}`);
        for (let at = stanza.firstChild(); at !== -1; at = stanza.nextSibling(at))
          result.names.push(`{${stanza.namespaceName(at)}}${stanza.localName(at)}`);
      },
      whitespace() {}, end() {},
    }, // prettier-ignore
  });
  for (const byte of byteByByte(toBytes(text))) scanner.push(byte);
  return result;
}

const headerWith = (declarations: string): string => `<s:stream xmlns:s='${ns.streams}' ${declarations}>`;

describe('names and scope', () => {
  test('the header gives its default namespace and prefixes to every stanza', () => {
    const { names, kinds, contentNamespace, lang } = read(
      `${headerWith("xmlns='jabber:client' xmlns:p='urn:unknown:p' xmlns:q='urn:xmpp:ping' xml:lang='de'")}<iq><p:a/><q:ping/></iq>`,
    );
    expect(names).toEqual(['{jabber:client}iq', '{urn:unknown:p}a', '{urn:xmpp:ping}ping']);
    expect(kinds).toEqual(['iq']);
    expect({ contentNamespace, lang }).toEqual({ contentNamespace: 'jabber:client', lang: 'de' });
  });

  test('an unknown default namespace is one, and makes nonzas', () => {
    const { names, kinds } = read(
      `${headerWith("xmlns='urn:unknown'")}<iq><a/><b xmlns='urn:unknown'/><c xmlns=''/></iq>`,
    );
    expect(names).toEqual(['{urn:unknown}iq', '{urn:unknown}a', '{urn:unknown}b', '{}c']);
    expect(kinds).toEqual(['nonza']);
  });

  test('no default namespace is none', () => {
    expect(read(`${headerWith('')}<iq/>`).names).toEqual(['{}iq']);
  });

  test('inner declarations shadow and end with their element', () => {
    const inner =
      "<m xmlns='urn:a' xmlns:p='urn:b'><p:x/><x xmlns='urn:c'/><p:x xmlns:p='urn:d'/><p:x/><x/></m><m/>";
    expect(read(header + inner).names).toEqual([
      '{urn:a}m', '{urn:b}x', '{urn:c}x', '{urn:d}x', '{urn:b}x', '{urn:a}x', '{jabber:client}m',
    ]); // prettier-ignore
  });

  test('names of the header and of a stanza are equal however they are written', () => {
    const stream = `${headerWith("xmlns:p='urn:u'")}<a xmlns:q='urn&#58;u' xmlns:r='urn:u' p:x='' `;
    for (const prefix of ['q', 'r'])
      expect(scan([toBytes(`${stream}${prefix}:x=''/>`)])).toMatchObject({ code: 'ERR_XML_NOT_WELL_FORMED' });
  });

  test('U+FEFF is a character of the namespace name it begins', () => {
    const bytes = toBytes(`${headerWith("xmlns='\ufeffjabber:client'")}<iq><a xmlns='\ufeffurn:u'/></iq>`);
    expect(scan([bytes])).toMatchObject({ code: 'ERR_XML_AMBIGUOUS' });
    const { names, kinds, contentNamespace } = read(Buffer.from(bytes).toString(), 'report');
    expect(names).toEqual(['{\ufeffjabber:client}iq', '{\ufeffurn:u}a']);
    expect({ kinds, contentNamespace }).toEqual({
      kinds: ['nonza'],
      contentNamespace: '\ufeffjabber:client',
    });
  });

  test('attribute values and text come decoded', () => {
    const texts: string[] = [];
    const scanner = new Scanner({
      names: vocabulary,
      limits: defaultLimits,
      workspace: newWorkspace(),
      sink: {
        header() {}, whitespace() {}, end() {},
        stanza: (stanza) => texts.push(stanza.attributeValue(0, 'id') ?? '', stanza.text(0)),
      }, // prettier-ignore
    });
    scanner.push(
      toBytes(`${header}<a id='\ufeff&lt;\r\n\t&#10;é'>\ufeff1\r\n2&#13;<b>no</b><![CDATA[&amp;\r]]></a>`),
    );
    expect(texts).toEqual(['\ufeff<  \né', '\ufeff1\n2\r&amp;\n']);
  });
});
