/** A short run of the differential (test/long/differential.ts), and that each oracle would notice a difference. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { longRun } from '../long/differential.ts';
import { describeWithPeers } from '../peers/require.ts';
import { batchOf } from './batch.ts';
import { compare } from './comparison.ts';
import { readable } from './description.ts';
import type { Oracle } from './oracle.ts';
import { oraclePeers, startOracles } from './oracles.ts';

const streams = 'http://etherx.jabber.org/streams';
const open = `<stream:stream xmlns='jabber:client' xmlns:stream='${streams}' xmlns:h='urn:header'>`;

describeWithPeers(oraclePeers, 'the oracles', () => {
  let oracles: Oracle[];

  beforeAll(async () => {
    oracles = await startOracles();
  }, 120_000);

  afterAll(() => Promise.all(oracles.map((oracle) => oracle.close())));

  async function readings(document: string): Promise<Record<string, string>> {
    const answers = await Promise.all(oracles.map((oracle) => oracle.read(Buffer.from(document))));
    return Object.fromEntries(oracles.map(({ name }, i) => [name, readable(answers[i]!.toString().trimEnd())]));
  } // prettier-ignore

  it('read structure, namespaces, attributes and text', async () => {
    const stanza = `<message to='a' xml:lang='de'><x xmlns='u' xmlns:p='v' p:b='&lt;' a='é'>1<p:y/>2</x></message>`;
    const expected =
      ' <jabber:client message @ to a @http://www.w3.org/XML/1998/namespace lang de <u x @ a é @v b < "1 <v y /> "2 /> />';
    const all = await readings(`${open}${stanza} </stream:stream>`);
    expect(Object.keys(all)).toEqual(['fast_xml', 'lua-expat', 'python-expat', 'ltx', 'libxml2', 'chromium']);
    expect(new Set(Object.values(all))).toEqual(new Set([expected]));
  });

  it('report where a document is not well-formed', async () => {
    const { ltx: _, ...strict } = await readings(`${open}<a><b></a></stream:stream>`);
    for (const reading of Object.values(strict)) expect(reading).toMatch(/^!/);
  });

  it('differ over input that is refused or forwarded in normal form', async () => {
    const prefixed = await readings(
      `${open}<message><h:a xmlns='urn:xmpp:hints'><store xmlns='jabber:client'/></h:a></message></stream:stream>`,
    );
    expect(prefixed['fast_xml']).not.toBe(prefixed['lua-expat']);
    const section = await readings(`${open}<a>1<![CDATA[2]]>3</a></stream:stream>`);
    expect(section['ltx']).not.toBe(section['lua-expat']);
    const brace = await readings(`${open}<a xmlns='urn:a}b'/></stream:stream>`);
    expect(brace['python-expat']).not.toBe(brace['lua-expat']);
  });

  it('are each compared with the scanner’s result', async () => {
    const batch = batchOf([
      { bytes: Buffer.from('<a/>'), source: undefined },
      { bytes: Buffer.from('<a>1<![CDATA[2]]>3</a>'), source: undefined },
      { bytes: Buffer.from('<b/>'), source: '\u0001jabber:client\u0002a\u0005\n' },
    ]);
    expect(batch.differences).toMatchObject([{ reader: 'scanner', stanza: '<b/>' }]);
    const differences = await compare(batch, oracles);
    expect(differences).toMatchObject([{ reader: 'ltx', stanza: '<a>1<![CDATA[2]]>3</a>' }]);
    const altered = { ...batch, expected: ['x', ...batch.expected.slice(1)] };
    expect((await compare(altered, oracles)).map(({ reader, stanza }) => [reader, stanza])).toEqual(
      oracles.map(({ name }) => [name, '<a/>']),
    );
  });
});

describeWithPeers(oraclePeers, 'what is forwarded', () => {
  it('is read alike by all of them, for generated streams', { timeout: 120_000 }, async () => {
    const { figures, failures } = await longRun.run({ count: 4_000, seed: 1, progress: () => {} });
    expect(failures).toEqual([]);
    expect(Number(figures['stanzas received'])).toBeGreaterThan(2_000);
    expect(Number(figures['of them rewritten'])).toBeGreaterThan(1_000);
  });
});
