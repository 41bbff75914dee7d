import { expectLinear } from '../support/linear.ts';
import { describe, expect, test } from 'vitest';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import type { Workspace } from '../../src/stream/workspace.ts';
import { newWorkspace, vocabulary } from '../support/scan.ts';
import { headers } from './hostile/case.ts';

/** Limits out of the way, so that only the scanner's own cost is measured. */
const limits: StreamLimits = {
  stanzaBytesMax: 0x4000_0000,
  tagBytesMax: 0x4000_0000,
  nameBytesMax: 0x4000_0000,
  depthMax: 400_000,
  elementsMax: 0x4000_0000,
  attributesMax: 200_000,
  namespacesMax: defaultLimits.namespacesMax,
  normalFormGrowthMax: 0x1000,
  whitespaceBytesMax: 0x4000_0000,
};

/** [what, size of the smaller input, input of size n, bytes per chunk]. */
const shapes: readonly (readonly [string, number, (n: number) => string, number])[] = [
  ['one stanza, one byte at a time', 30_000, (n) => `<a>${'x'.repeat(n)}</a>`, 1],
  ['many stanzas, one byte at a time', 2_000, (n) => "<a b='c'>x</a>".repeat(n), 1],
  ['a long attribute', 60_000, (n) => `<a b='${'x&amp;yz '.repeat(n / 10)}'/>`, 0x2000],
  ['a long attribute in small chunks', 60_000, (n) => `<a b='${'x'.repeat(n)}'/>`, 100],
  ['a long name', 60_000, (n) => `<${'x'.repeat(n)}/>`, 0x2000],
  ['deep nesting', 2_000, (n) => '<a>'.repeat(n) + '</a>'.repeat(n), 0x2000],
  ['many attributes', 2_000, (n) => `<a${Array.from({ length: n }, (_, i) => ` a${i}=''`).join('')}/>`, 0x2000],
  ['many elements with attributes', 600, (n) => `<a>${"<b c='' d='' e='' f='' g='' h='' i=''/>".repeat(n)}</a>`, 0x2000],
  ['many namespaces', 1_600, (n) => `<a>${Array.from({ length: n }, (_, i) => `<b xmlns:p='u${i}'/>`).join('')}</a>`, 0x2000],
  ['many namespaces under many in scope', 600, (n) => `<a${Array.from({ length: 60 }, (_, i) => ` xmlns:p${i}='u${i}'`).join('')}>${Array.from({ length: n }, (_, i) => `<b xmlns='v${i}' p1:a='' p59:a=''/>`).join('')}</a>`, 0x2000],
  ['many namespaces written with references', 400, (n) => `<a${Array.from({ length: 60 }, (_, i) => ` xmlns:p${i}='&amp;${'u'.repeat(n / 8)}${i}'`).join('')}>${"<b xmlns='&amp;'/>".repeat(n)}</a>`, 0x1000000],
  ['many elements', 8_000, (n) => `<a>${'<b/>'.repeat(n)}</a>`, 0x2000],
  ['many short texts with line ends, in one chunk', 4_000, (n) => `<a>${'<b>\r</b>'.repeat(n)}</a>`, 0x1000000],
  ['many short values with tabs, in one chunk', 4_000, (n) => `<a>${"<b c='\t'/>".repeat(n)}</a>`, 0x1000000],
  ['a long text with references', 60_000, (n) => `<a>${'&lt;xyz&#65;'.repeat(n / 11)}</a>`, 0x2000],
  ['a long text of quotes', 40_000, (n) => `<a>${`"'`.repeat(n / 2)}</a>`, 0x2000],
  ['a long CDATA section', 40_000, (n) => `<a><![CDATA[${']>'.repeat(n / 2)}]]></a>`, 0x2000],
  ['keep-alives', 60_000, (n) => '\n'.repeat(n), 0x2000],
]; // prettier-ignore

/** Stanzas whose normal form is written. Limits of the growth are the shipped ones: what they refuse must be cheap. */
const normalForms: readonly (readonly [string, number, (n: number) => string])[] = [
  ['many uses of a header prefix', 5_000, (n) => `<a>${'<h:b/>'.repeat(n)}</a>`],
  ['many uses of a long name', 2_000, (n) => `<a xmlns:p='u${'x'.repeat(n)}'>${'<p:b/>'.repeat(n)}</a>`],
  ['long names and few uses', 100_000, (n) => `<a xmlns:p='u${'x'.repeat(n)}'><p:b/><p:c/><p:d/></a>`],
  ['long names written with references', 20_000, (n) => `<a xmlns:p='u&#x3a;${'x'.repeat(n)}'>${'<p:b/>'.repeat(n / 4)}</a>`],
  ['attributes in many namespaces', 4_000, (n) => `<a${Array.from({ length: 60 }, (_, i) => ` xmlns:p${i}='u${'x'.repeat(n / 60)}${i}'`).join('')}>${`<b${Array.from({ length: 60 }, (_, i) => ` p${59 - i}:a=''`).join('')}/>`.repeat(n / 1_000)}</a>`],
  ['many attributes in two long namespaces', 2_000, (n) => `<a xmlns:p='u${'x'.repeat(n)}1' xmlns:q='u${'x'.repeat(n)}2'><b${Array.from({ length: n }, (_, i) => ` ${i % 2 === 0 ? 'p' : 'q'}:a${i}=''`).join('')}/></a>`],
  ['values that need references', 50_000, (n) => `<a b="${`'`.repeat(n)}">${'>'.repeat(n)}<![CDATA[${'<'.repeat(n)}]]></a>`],
]; // prettier-ignore

/** Scans one stanza after a header that declares `h`, and writes its normal form or is refused for its growth. */
function normaliseOnce(bytes: Uint8Array, workspace: Workspace, writer: CanonicalWriter): void {
  let taken = 0;
  const stanza = (found: Stanza): void => {
    taken += 1;
    try {
      writer.write(found);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_NORMAL_FORM_GROWTH' });
    }
  };
  const sink = { header() {}, stanza, whitespace() {}, end() {} };
  new Scanner({ names: vocabulary, limits, workspace, sink }).push(bytes);
  expect(taken).toBe(1);
}

function scanOnce(bytes: Uint8Array, chunkBytes: number, workspace: Workspace): void {
  let found = 0;
  const count = (): void => {
    found += 1;
  };
  const sink = { header() {}, stanza: count, whitespace: count, end() {} };
  const scanner = new Scanner({ names: vocabulary, limits, workspace, sink });
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.push(bytes.subarray(at, at + chunkBytes));
  scanner.finish();
  expect(found).toBeGreaterThan(0);
}

describe('twice the bytes take twice the steps', () => {
  const workspace = newWorkspace(undefined, limits);
  test.each(shapes)('%s', (name, n, input, chunkBytes) => {
    const scanning = (size: number): (() => void) => {
      const bytes = Buffer.from(headers['to-client'] + input(size));
      return () => scanOnce(bytes, chunkBytes, workspace);
    };
    expectLinear(name, scanning(n), scanning(2 * n));
  });
});

describe('twice the bytes take twice the time in normal form', () => {
  const workspace = newWorkspace(undefined, limits);
  const { normalFormGrowthMax } = defaultLimits;
  const writer = new CanonicalWriter({ stanzaBytesMax: limits.stanzaBytesMax, normalFormGrowthMax });
  const header = headers['to-client'].replace(/>$/, " xmlns:h='urn:ietf:params:xml:ns:xmpp-stanzas'>");
  test.each(normalForms)('%s', (name, n, input) => {
    const writing = (size: number): (() => void) => {
      const bytes = Buffer.from(header + input(size));
      return () => normaliseOnce(bytes, workspace, writer);
    };
    expectLinear(name, writing(n), writing(2 * n));
  });
});
