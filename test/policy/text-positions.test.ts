/** Positions in a body whose addresses are sealed, or opened: they point at what they pointed at. */
import { expectLinear } from '../support/linear.ts';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { positionAfter, type Shift } from '../../src/minimisation/text-positions.ts';
import { escapeText } from '../../src/stanza/decode.ts';
import { deciderFor, mediaHost, pass, policyOf, policyText } from './fixtures.ts';

const policy = policyOf(
  policyText('{ gatekeeper: { content.media-url: { pseudonymise: { scope: gatekeeper, rotate: 1d } } } }'),
);
const outward = deciderFor(policy, 'to-gatekeeper');
const inward = deciderFor(policy, 'to-client');
const seal = (xml: string): string => pass(outward, xml).after;
const open = (xml: string): string => pass(inward, xml).after;
const picture = `${mediaHost}/u/17/holiday.jpg`;
const sealed = /<body>(.*)<\/body>/.exec(
  seal(`<message xmlns='jabber:client' to='a@b.example'><body>${picture}</body></message>`),
)![1]!;
const longer = sealed.length - picture.length;

const message = (inside: string): string =>
  `<message xmlns='jabber:client' to='a@b.example'>${inside}</message>`;
const reply = (start: number, end: number): string =>
  `<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='${start}' end='${end}'/></fallback>`;

describe('a fallback (XEP-0428)', () => {
  it.each([
    ['in front of it', `&gt; hi\n${picture}`, [0, 5], [0, 5]],
    ['around it', `&gt; ${picture}\nNice!`, [0, picture.length + 3], [0, sealed.length + 3]],
    [
      'after it',
      `${picture} 😀 done`,
      [picture.length + 3, picture.length + 7],
      [sealed.length + 3, sealed.length + 7],
    ],
    ['of nothing', picture, [0, 0], [0, 0]],
    ['beyond the end', picture, [4_000, 5_000], [4_000 + longer, 5_000 + longer]],
  ])('%s stays there, and is back when the address is opened', (_, body, before, after) => {
    const written = ([start, end]: readonly number[]) =>
      message(`<body>${body}</body>${reply(start!, end!)}`);
    const shown = seal(written(before));
    expect(shown).toBe(written(after).replace(picture, sealed));
    expect(open(shown)).toBe(written(before));
  });

  it('of a person who is mentioned (XEP-0513) moves with the name', () => {
    const mention = (begin: number, end: number): string =>
      message(
        `<body>${picture} Alice</body><mention xmlns='urn:xmpp:mentions:0' begin='${begin}' end='${end}' occupantid='o'/>`,
      );
    const [begin, end] = [picture.length + 1, picture.length + 6];
    const shown = seal(mention(begin, end));
    expect(shown).toBe(mention(begin + longer, end + longer).replace(picture, sealed));
    expect(open(shown)).toBe(mention(begin, end));
  });

  it('of the whole text, and malformed ones, stay unchanged', () => {
    for (const region of [
      "<body start='x' end='-1'/>",
      "<body start='1e3' end='99999999999'/>",
      '<body/>',
      '',
    ]) {
      const xml = message(
        `<body>${picture}</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'>${region}</fallback>`,
      );
      expect(seal(xml)).toBe(xml.replace(picture, sealed));
    }
  });

  it('of a subject is moved by the subject alone, and of a body by the body', () => {
    const xml = (first: number, second: number) =>
      message(
        `<subject>${picture} s</subject><body>plain</body><fallback xmlns='urn:xmpp:fallback:0'><subject start='${first}' end='${first + 1}'/><body start='2' end='${second}'/></fallback>`,
      );
    expect(seal(xml(picture.length + 1, 4))).toBe(xml(sealed.length + 1, 4).replace(picture, sealed));
  });

  it('of one of several bodies are removed: it is unclear which body they refer to', () => {
    const bodies = `<body>${picture}</body><body xml:lang='de'>Hallo</body>`;
    const about = `<reference xmlns='urn:xmpp:reference:0' begin='1' end='3' type='mention' uri='xmpp:a@b'/>`;
    expect(
      seal(
        message(
          `${bodies}${reply(0, 3)}${about}<markup xmlns='urn:xmpp:markup:0'><span start='1' end='2'/></markup>`,
        ),
      ),
    ).toBe(message(`${bodies}${about.replace(" begin='1' end='3'", '')}`).replace(picture, sealed));
    const untouched = message(`<body>a</body><body xml:lang='de'>b</body>${reply(0, 1)}`);
    expect(seal(untouched)).toBe(untouched);
  });

  it('inside a copy is moved with the body there, and with no other', () => {
    const xml = (end: number) =>
      message(
        `<body>plain</body>${reply(0, 3)}<forwarded xmlns='urn:xmpp:forward:0'>${message(`<body>${picture} !</body>${reply(0, end)}`)}</forwarded>`,
      );
    expect(seal(xml(picture.length))).toBe(xml(sealed.length).replace(picture, sealed));
  });
});

describe('a reference (XEP-0372)', () => {
  const reference = (begin: number, end: number, more = '') =>
    `<reference xmlns='urn:xmpp:reference:0' begin='${begin}' end='${end}' type='data'${more}><media-sharing xmlns='urn:xmpp:sims:1'/></reference>`;
  const said = (...references: string[]) => message(`<body>See ${picture}</body>${references.join('')}`);

  it('that is the address is the sealed one, whether its end is the last character or the one after it', () => {
    for (const last of [0, 1])
      expect(seal(said(reference(4, 4 + picture.length - last)))).toBe(
        said(reference(4, 4 + sealed.length - last)).replace(picture, sealed),
      );
  });

  it('with an anchor is about another message', () => {
    const xml = said(reference(4, 4 + picture.length, " anchor='xmpp:a@b?m=1'"));
    expect(seal(xml)).toBe(xml.replace(picture, sealed));
  });
});

it('markup (XEP-0394) is moved at every depth, and its other elements are not', () => {
  const xml = (at: number) =>
    message(
      `<body>${picture}\n* one\n* two</body><markup xmlns='urn:xmpp:markup:0'><list start='${at}' end='${at + 11}'><li start='${at}'/><li start='${at + 6}'/></list><x xmlns='urn:x' start='1'/></markup>`,
    );
  // The policy drops what is unlisted.
  const expected = xml(sealed.length + 1)
    .replace(picture, sealed)
    .replace("<x xmlns='urn:x' start='1'/>", '');
  expect(seal(xml(picture.length + 1))).toBe(expected);
});

describe('any text around addresses', () => {
  const word = fc.constantFrom(
    ' a ',
    ' 😀 ',
    ' \u{1F469}\u200D\u{1F4BB} ',
    ' é<&> ',
    ' \n ',
    ' ]] ',
    ' . ',
    '  ',
  );
  const address = fc.constantFrom(
    picture,
    `${mediaHost}/ü/😀?a=1&b=2`,
    'https://elsewhere.example/x',
    'urn:x',
  );
  const parts = fc
    .array(fc.tuple(word, address), { maxLength: 5 })
    .map((pairs) => pairs.flat())
    .chain((most) => fc.tuple(fc.constant(most), word).map(([all, last]) => [...all, last]));
  const writers: readonly ((text: string) => string)[] = [
    escapeText,
    (text) => [...text].map((point) => `&#${point.codePointAt(0)!};`).join(''),
    (text) =>
      text
        .split(']]')
        .map((part) => `<![CDATA[${part}]]>`)
        .join(']]'),
    (text) => escapeText(text).replaceAll('\n', '\r\n'),
  ];
  const points = (text: string): string[] => [...text];
  /** With what stands for an address of the provider, in whatever spelling, left open. */
  const starred = (text: string): string =>
    text.replaceAll(/https:\/\/(?:media\.provider|proxy)\.example\/\S+/g, '*');

  it('positions between words and addresses refer to the same words and addresses, in both directions', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.nat(), fc.nat(writers.length - 1), (said, one, other, writer) => {
        const borders = said.reduce<number[]>(
          (all, part) => [...all, all.at(-1)! + points(part).length],
          [0],
        );
        const [start, end] = [one, other]
          .map((each) => borders[each % borders.length]!)
          .toSorted((a, b) => a - b) as [number, number];
        const text = said.join('');
        const xml = message(`<body>${writers[writer]!(text)}</body>${reply(start, end)}`);
        const shown = read(seal(xml));
        const meant = points(text).slice(start, end).join('');
        const means = points(shown.body).slice(shown.start, shown.end).join('');
        expect(starred(means)).toBe(starred(meant));
        const back = read(open(seal(xml)));
        const meansAgain = points(back.body).slice(back.start, back.end).join('');
        expect(starred(meansAgain)).toBe(starred(meant));
      }),
      { numRuns: 300 },
    );
  });

  it('no position leaves its order', () => {
    const shift = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(30));
    fc.assert(
      fc.property(fc.array(shift, { maxLength: 6 }), fc.nat(120), fc.nat(120), (steps, one, other) => {
        let at = 0;
        let moved = 0;
        const shifts = steps.map(([gap, long, length]): Shift => {
          const start = at + gap;
          at = start + long;
          const shift = { start, end: at, length, moved };
          moved += length - long;
          return shift;
        });
        const [low, high] = [one, other].toSorted((a, b) => a - b) as [number, number];
        for (const side of ['start', 'end'] as const)
          expect(positionAfter(low, side, shifts)).toBeLessThanOrEqual(positionAfter(high, side, shifts));
        expect(positionAfter(low, 'start', shifts)).toBeLessThanOrEqual(positionAfter(high, 'end', shifts));
      }),
    );
  });
});

it('many positions in a long text cost linear time', () => {
  const xml = (count: number) =>
    message(
      `<body>${`${sealed} `.repeat(count / 8)}${'a'.repeat(count * 10)}</body><markup xmlns='urn:xmpp:markup:0'>${"<span start='90' end='95'/>".repeat(count)}</markup>`,
    );
  const [once, twice] = [xml(1_600), xml(3_200)];
  expectLinear(
    'positions',
    () => open(once),
    () => open(twice),
  );
});

/** Body and range as an independent parser reads them. */
function read(xml: string): { body: string; start: number; end: number } {
  const found = { body: '', start: -1, end: -1 };
  const parser = new SaxesParser();
  const path: string[] = [];
  parser.on('opentag', ({ name, attributes }) => {
    path.push(name);
    if (path.join('/') === 'message/fallback/body') {
      found.start = Number(attributes['start']);
      found.end = Number(attributes['end']);
    }
  });
  const add = (text: string): void => {
    if (path.join('/') === 'message/body') found.body += text;
  };
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('closetag', () => path.pop());
  parser.write(xml).close();
  return found;
}
