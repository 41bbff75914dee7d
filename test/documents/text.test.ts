import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/documents/text.ts';

const cases: [string, number[], number, number][] = [
  ['a stray continuation byte', [0x61, 0x0a, 0x62, 0x80], 2, 2],
  ['an overlong form', [0xc0, 0x80], 1, 1],
  ['half a surrogate pair', [0x61, 0xed, 0xa0, 0x80], 1, 2],
  ['a character cut off', [0x0a, 0xe2, 0x82], 2, 1],
];

it.each(cases)('names the place of %s', (_, bytes, line, column) => {
  expect(decodeUtf8(Uint8Array.from(bytes))).toEqual({ kind: 'not-utf8', line, column });
});

it('decodes UTF-8, without its byte order mark', () => {
  expect(decodeUtf8(Buffer.from('\uFEFFa: ü\r\n'))).toEqual({ kind: 'text', text: 'a: ü\r\n' });
});

it('names the first byte that is not UTF-8, whatever is around it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.uint8Array({ maxLength: 20 }),
      (before, after) => {
        const text = before.replace(/^\uFEFF+/, '');
        const decoded = decodeUtf8(Buffer.concat([Buffer.from(text), Buffer.from([0xff]), after]));
        const lines = text.split('\n');
        expect(decoded).toEqual({ kind: 'not-utf8', line: lines.length, column: lines.at(-1)!.length + 1 });
      },
    ),
  );
});
