/** Which stanzas are as a script expects them. */
import { describe, expect, it } from 'vitest';
import { match } from './match.ts';
import { readStanzas } from './stanzas.ts';

function compare(expected: string, received: string): string | Record<string, string> {
  const comparison = match(readStanzas(expected)[0]!, readStanzas(received)[0]!);
  return comparison.matches ? Object.fromEntries(comparison.captures) : comparison.difference;
}

describe('a stanza', () => {
  it.each([
    [
      'may have more attributes and children',
      '<presence/>',
      "<presence from='a@b'><show>away</show></presence>",
      {},
    ],
    [
      'is compared by name',
      '<presence/>',
      '<message/>',
      "<message xmlns='jabber:client'> in place of <presence xmlns='jabber:client'>",
    ],
    ['needs the attributes listed', "<iq id='a'/>", '<iq/>', 'iq: no attribute id'],
    ['needs their values', "<iq id='a'/>", "<iq id='b'/>", "iq: id is 'b', not 'a'"],
    ['takes any value where the script says so', "<iq id='{scansion:any}'/>", "<iq id='b'/>", {}],
    ['gives values to the script', "<iq id='{scansion:capture:first}'/>", "<iq id='b'/>", { first: 'b' }],
    [
      'needs the children listed',
      '<message><body/></message>',
      '<message/>',
      "message: no <body xmlns='jabber:client'>",
    ],
    [
      'may have them in another order',
      '<message><body/><thread/></message>',
      '<message><thread/><body/></message>',
      {},
    ],
    [
      'needs their text',
      '<message><body>a</body></message>',
      '<message><body>b</body></message>',
      "message: body: the text is 'b', not 'a'",
    ],
    [
      'may have text that is not listed',
      '<message><body/></message>',
      '<message><body>b</body></message>',
      {},
    ],
    [
      'needs two where two are listed',
      '<message><body/><body/></message>',
      '<message><body/></message>',
      "message: no <body xmlns='jabber:client'>",
    ],
    [
      'takes values from the child that fits',
      '<message><body>a</body><thread>{scansion:capture:t}</thread></message>',
      '<message><body>b</body><thread>t1</thread><body>a</body></message>',
      { t: 't1' },
    ],
    [
      'may be strict',
      "<message scansion:strict='yes'><body/></message>",
      '<message><body/><thread/></message>',
      "message: <thread xmlns='jabber:client'> too many",
    ],
    [
      'may be strict about text',
      "<message><body scansion:strict='true'/></message>",
      '<message><body>b</body></message>',
      "message: body: the text is 'b', not ''",
    ],
  ])('%s', (_, expected, received, outcome) => {
    expect(compare(expected, received)).toEqual(outcome);
  });
});

describe('a payload', () => {
  const iq = (payload: string): string => `<iq>${payload}</iq>`;

  it.each([
    ['is compared by namespace', "<q xmlns='a'/>", "<q xmlns='b'/>", "iq: no <q xmlns='a'>"],
    ['has no more attributes', "<q xmlns='a'/>", "<q xmlns='a' v='1'/>", 'iq: q: an attribute v too many'],
    ['has no more children', "<q xmlns='a'/>", "<q xmlns='a'><i/></q>", "iq: q: <i xmlns='a'> too many"],
    [
      'has its children in order',
      "<q xmlns='a'><i/><j/></q>",
      "<q xmlns='a'><j/><i/></q>",
      "iq: q: <j xmlns='a'> in place of <i xmlns='a'>",
    ],
    ['has all of them', "<q xmlns='a'><i/><j/></q>", "<q xmlns='a'><i/></q>", "iq: q: no <j xmlns='a'>"],
    [
      'may have more where the script says so',
      "<q xmlns='a' scansion:strict='false'><j/></q>",
      "<q xmlns='a' v='1'><i/><j/></q>",
      {},
    ],
    ['is not compared by white space', "<q xmlns='a'>\n\t<i/>\n</q>", "<q xmlns='a'><i/></q>", {}],
    ['is compared by names, not by prefixes', "<p:q xmlns:p='a'/>", "<q xmlns='a'/>", {}],
  ])('%s', (_, expected, received, outcome) => {
    expect(compare(iq(expected), iq(received))).toEqual(outcome);
  });
});

describe('a text of stanzas', () => {
  it('may have several', () => {
    expect(readStanzas('\n<presence/>\n\t<iq/> ').map(({ local }) => local)).toEqual(['presence', 'iq']);
  });

  it.each(['<presence>', '<presence/><iq', 'presence', '<!-- a --><presence/>', '<a:presence/>'])(
    '%s is none',
    (xml) => {
      expect(() => readStanzas(xml)).toThrow(SyntaxError);
    },
  );
});
