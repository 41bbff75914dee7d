import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PortableStructure } from '../../src/stream/structure/portable.ts';
import { simdModule } from '../../src/stream/structure/simd.wasm.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { sliceBytesMax, type Structure } from '../../src/stream/structure/structure.ts';
import { createNameClasses, nameChar, nameStart } from '../../src/stream/xml-names.ts';
import { compileStructure } from '../support/compile-structure.ts';
import { LETTER_RE, NAME_CHAR_RE } from 'xmlchars/xml/1.0/ed4.js';

const simd = new SimdStructure();
const portable = new PortableStructure();

interface Answer {
  readonly positions: readonly number[];
  /** Relative to the first byte of the first slice, else -1. */
  readonly invalidAt: number;
  readonly utf8State: number;
}

/** Indexes `bytes` in slices that end at `borders`. */
function index(structure: Structure, bytes: Uint8Array, borders: readonly number[] = []): Answer {
  const positions: number[] = [];
  let state = 0;
  let start = 0;
  for (const end of [...borders, bytes.length]) {
    const count = structure.index(bytes, start, end, state);
    for (const position of structure.positions.subarray(0, count)) positions.push(position + start);
    if (structure.invalidAt >= 0) return { positions, invalidAt: start + structure.invalidAt, utf8State: -1 };
    state = structure.utf8State;
    start = end;
  }
  return { positions, invalidAt: -1, utf8State: state };
}

/** Mostly well-formed UTF-8 with structural bytes, long enough for many SIMD blocks, sometimes broken. */
const wire = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)) },
      { weight: 2, arbitrary: fc.constantFrom(...'<|>|&|\'|"|\r|\n|\t| |/|='.split('|')).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.constantFrom('eda080', 'efbfbe', 'efbfbf', 'f0808080', 'f4908080', 'c0af', 'ff', 'e2', '80').map((hex) => Buffer.from(hex, 'hex')) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts))); // prettier-ignore

test('SIMD and portable agree on any bytes, in any slices', () => {
  fc.assert(
    fc.property(
      fc.oneof(wire, fc.uint8Array({ maxLength: 300 })),
      fc.array(fc.nat(300), { maxLength: 4 }),
      (bytes, cuts) => {
        const borders = cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b);
        const whole = index(portable, bytes);
        expect(index(simd, bytes)).toEqual(whole);
        expect(index(simd, bytes, borders)).toEqual(whole);
        expect(index(portable, bytes, borders)).toEqual(whole);
      },
    ),
    { numRuns: 5_000 },
  );
});

test.each(['é', '€', '🦄', '\u{10FFFF}', '\uD7FF', '\uE000'])(
  '%s at every place of a SIMD block and every slice border',
  (character) => {
    for (let before = 0; before < 40; before += 1) {
      const bytes = new Uint8Array(Buffer.from(`${'x'.repeat(before)}${character}<${'y'.repeat(90)}`));
      const whole = index(portable, bytes);
      expect(whole).toMatchObject({
        invalidAt: -1,
        utf8State: 0,
        positions: [before + Buffer.byteLength(character)],
      });
      for (let border = 0; border <= bytes.length; border += 1) {
        expect(index(simd, bytes, [border])).toEqual(whole);
        expect(index(portable, bytes, [border])).toEqual(whole);
      }
    }
  },
);

test('UTF-8 validity equals that of a fatal decoder, except U+FFFE and U+FFFF', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(
      fc.oneof(wire, fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ min: 0x80, maxLength: 6 })),
      (bytes) => {
        let text: string | undefined;
        try {
          text = decoder.decode(bytes);
        } catch {
          text = undefined;
        }
        const { invalidAt, utf8State } = index(simd, bytes);
        expect(invalidAt < 0 && utf8State === 0).toBe(text !== undefined && !/[\uFFFE\uFFFF]/.test(text));
      },
    ),
    { numRuns: 5_000 },
  );
});

test('every position of a full slice can be structural', () => {
  const bytes = new Uint8Array(sliceBytesMax).fill(0x3c);
  for (const structure of [simd, portable])
    expect(structure.index(bytes, 0, bytes.length, 0)).toBe(sliceBytesMax);
  expect(simd.positions[sliceBytesMax - 1]).toBe(sliceBytesMax - 1);
});

test('structural are the five markup characters and the controls below space', () => {
  const bytes = Uint8Array.from({ length: 128 }, (_, i) => i);
  const expected = [...bytes].filter((byte) => byte < 0x20 || '<>&\'"'.includes(String.fromCharCode(byte)));
  expect(index(simd, bytes).positions).toEqual(expected);
  expect(index(portable, bytes).positions).toEqual(expected);
});

test('the committed module equals its compiled source', async () => {
  expect(await compileStructure()).toBe(simdModule);
}, 60_000);

test('name characters are those of the fourth edition, without the colon', () => {
  const classes = createNameClasses();
  const wrong: string[] = [];
  for (let code = 0; code < 0x10000; code += 1) {
    if (code === 0x3a || (code >= 0xd800 && code <= 0xdfff)) continue;
    const character = String.fromCharCode(code);
    const follows = NAME_CHAR_RE.test(character);
    const begins = LETTER_RE.test(character) || character === '_';
    if (classes[code] !== (begins ? nameStart : 0) + (follows ? nameChar : 0)) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
  expect(classes[0x3a]).toBe(0);
});
