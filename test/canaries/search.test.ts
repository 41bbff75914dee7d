/** The search finds a value in every form, and nothing that is not there. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formsOf } from '../../src/canaries/forms.ts';
import { makeMarker, type Marker } from '../../src/canaries/marker.ts';
import { Search } from '../../src/canaries/search.ts';
import { randomBytes } from 'node:crypto';

const bytesOf = (text: string): Buffer => Buffer.from(text);
const each = (value: string, write: (byte: number) => string): string =>
  [...bytesOf(value)].map(write).join('');
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

const ways: Readonly<Record<string, (value: string) => string | Buffer>> = {
  'as it is': (value) => value,
  'in capitals': (value) => value.toUpperCase(),
  'cut off': (value) => value.slice(0, 12),
  backwards: (value) => [...value].reverse().join(''),
  'in base64': (value) => bytesOf(value).toString('base64'),
  'in base64 after a byte': (value) => bytesOf(`\0${value}`).toString('base64'),
  'in base64url after two': (value) => bytesOf(`ab${value}`).toString('base64url'),
  'in hexadecimal': (value) => bytesOf(value).toString('hex'),
  'in percent encoding': (value) => each(value, (byte) => `%${hex(byte).toUpperCase()}`),
  'in JSON escapes': (value) => each(value, (byte) => `\\u00${hex(byte)}`),
  'in XML references': (value) => each(value, (byte) => `&#${byte};`),
  'in hexadecimal XML references': (value) => each(value, (byte) => `&#x${hex(byte)};`),
  'as a buffer in JSON': (value) => JSON.stringify(bytesOf(value)),
  'as Node prints a buffer': (value) => bytesOf(value).toString('hex').replaceAll(/../g, '$& ').trim(),
  'in UTF-16': (value) => Buffer.from(value, 'utf16le'),
  'as a digest': (value) => createHash('sha256').update(value).digest('base64url'),
};

const word = (): Marker => makeMarker('word', randomBytes);

function found(search: Search, bytes: Uint8Array): number[] {
  const canaries = new Set<number>();
  search.each(bytes, ({ canary }) => canaries.add(canary));
  return [...canaries];
}

describe('a search', () => {
  it.each(Object.entries(ways))('finds a value %s', (_, write) => {
    const markers = [word(), word(), word()];
    const search = new Search(markers.map(formsOf));
    const written = write(markers[1]!.value);
    const around = (inner: Buffer): Buffer =>
      Buffer.concat([bytesOf('{"level":"info","x":"'), inner, bytesOf('"}')]);
    expect(found(search, around(Buffer.isBuffer(written) ? written : bytesOf(written)))).toEqual([1]);
    expect(found(search, around(bytesOf(word().value)))).toEqual([]);
  });

  it('takes a number for another one where it has more digits', () => {
    const marker = makeMarker('count', randomBytes);
    const search = new Search([formsOf(marker)]);
    expect(found(search, bytesOf(`h='${marker.value}'`))).toEqual([0]);
    for (const longer of [`1${marker.value}`, `${marker.value}0`])
      expect(found(search, bytesOf(longer))).toEqual([]);
  });

  it('finds a number in packed digits', () => {
    const marker = makeMarker('count', randomBytes);
    const search = new Search([formsOf(marker)]);
    expect(found(search, Buffer.from(`ff05${marker.value}fc`, 'hex'))).toEqual([0]);
  });

  it('agrees with a search for one text after the other', () => {
    const markers = Array.from({ length: 20 }, word);
    const search = new Search(markers.map(formsOf));
    const parts = fc.array(
      fc.oneof(
        fc.string(),
        fc.nat(19).map((index) => markers[index]!.value),
        fc.nat(19).map((index) => markers[index]!.value.slice(0, 11)),
      ),
    );
    fc.assert(
      fc.property(parts, (list) => {
        const bytes = bytesOf(list.join(''));
        const lower = list.join('').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
        const expected = markers.flatMap(({ needle }, index) => (lower.includes(needle) ? [index] : []));
        expect(found(search, bytes).toSorted((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});
