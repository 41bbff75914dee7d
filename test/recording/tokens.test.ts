import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { identifierForm } from '../../src/audit/value-form.ts';
import { Permutations } from '../../src/recording/permutation.ts';
import { Tokens, wordCharsMin } from '../../src/recording/tokens.ts';

const tokens = new Tokens({ key: () => Buffer.alloc(32, 7), shiftSeconds: () => 100_000 });

function distinct(values: readonly string[]): number {
  return new Set(values.map((value) => tokens.value(value))).size;
}

const below = (limit: number): number[] => Array.from({ length: limit }, (_, index) => index);

describe('a permutation', () => {
  const permutations = new Permutations(Buffer.alloc(32, 7));

  it.each([1, 2, 3, 10, 17, 100, 256, 1000])('of %i values has each of them once', (size) => {
    const images = below(size).map((value) => permutations.image(1, BigInt(value), BigInt(size)));
    expect(new Set(images)).toEqual(new Set(below(size).map(BigInt)));
  });

  it('is another for another label', () => {
    const image = (label: number): string =>
      below(100)
        .map((value) => permutations.image(label, BigInt(value), 100n))
        .join();
    expect(image(1)).not.toBe(image(2));
  });
});

describe('a token', () => {
  it.each([
    ['a single digit', '7', /^7$/],
    ['a whole number, whose first digit stays', '48151', /^4\d{4}$/],
    ['a negative one', '-128', /^-1\d\d$/],
    ['a coordinate', '45.44', /^\d\d\.\d\d$/],
    ['a version', '0.14.2', /^\d\.\d\d\.\d$/],
    ['an old timestamp', '20261129T10:20:30', /^20261128T06:33:50$/],
    ['a date', '1994-02-28', /^1994-02-26$/],
    ['a time with a zone', '2026-11-29T10:20:30+01:00', /^2026-11-28T06:33:50[+-]\d\d:(00|15|30|45)$/],
    ['a zone', '+05:30', /^[+-]\d\d:(00|15|30|45)$/],
    ['an address', '203.0.113.7', /^2[45]\d\.\d+\.\d+\.\d+$/],
    ['an address of version 6', '2001:db8::7', /^fd[0-9a-f:]+$/],
    [
      'a UUID',
      '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}$/,
    ],
    ['a short text', 'à', new RegExp(`^[a-z2-7]{${wordCharsMin}}$`)],
    ['a long text, of the same length', 'x'.repeat(200), /^[a-z2-7x]{200}$/],
    ['a domain', 'a.b@conference.capulet.example', /^[a-z2-7]{8}@[a-z2-7]{10}\.[a-z2-7]{8}\.[a-z2-7]{8}$/],
  ])('keeps the syntax of %s', (_, value, form) => {
    expect(tokens.value(value)).toMatch(form);
    if (value.length > 1) expect(tokens.value(value)).not.toBe(value);
  });

  it.each([
    'purple1a2b-3',
    'M17',
    'x',
    'ABCDEF',
    'a1',
    '3EB0C0FFEE',
    'lx-1234-5678',
    'aBcD-12:34.x/y',
    'd41d8cd98f00b204e9800998ecf8427e',
    'D41D8CD98F00B204',
    'QgayPKawpkPSDYmwT/WM94uAlu0=',
    'c3po_r2d2_0123456789abcdefghij',
    '1234567890123456',
    '17',
    'urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    'Gajim',
    'z'.repeat(128),
  ])('keeps the form of the identifier %s', (identifier) => {
    const token = tokens.value(identifier);
    expect(identifierForm(token)).toBe(identifierForm(identifier));
    if (identifier.length > 2) expect(token).not.toBe(identifier);
  });

  it('is another for each short identifier of one form', () => {
    for (const build of [
      (n: number) => `a${n}`,
      (n: number) => `${String.fromCharCode(97 + (n % 26))}-${n}`,
      (n: number) => n.toString(36),
    ])
      expect(distinct(below(900).map(build))).toBe(900);
  });

  it('is another for each value', () => {
    expect(distinct(below(10_000).map(String))).toBe(10_000);
    expect(distinct(below(10_000).map((n) => `juliet-${n}`))).toBe(10_000);
    expect(distinct(below(256).map((n) => `203.0.113.${n}`))).toBe(256);
    expect(
      distinct(
        below(60).map((n) => `+${String(n >> 2).padStart(2, '0')}:${['00', '15', '30', '45'][n & 3]}`),
      ),
    ).toBe(60);
  });

  it('shares the domain, and the prefix of an address, with values that do', () => {
    const [one, other] = ['juliet@capulet.example', 'x@conference.capulet.example'].map((jid) =>
      tokens.jid(jid),
    );
    expect(other!.endsWith(one!.slice(one!.indexOf('@') + 1))).toBe(true);
    const prefix = (address: string): string => tokens.value(address).split('.').slice(0, 3).join('.');
    expect(prefix('203.0.113.7')).toBe(prefix('203.0.113.200'));
    expect(prefix('203.0.113.7')).not.toBe(prefix('203.0.114.7'));
  });

  it('keeps the form of a language', () => {
    expect(tokens.language('de-AT')).toMatch(/^[a-z]{2}-[A-Z]{2}$/);
    expect(tokens.language('de-AT').slice(0, 2)).toBe(tokens.language('de'));
  });

  it('of a time keeps the distance between two', () => {
    const [early, late] = ['2026-02-28T23:59:30Z', '2026-03-01T00:00:30Z'].map((time) =>
      Date.parse(tokens.value(time)),
    );
    expect(late! - early!).toBe(60_000);
    expect(tokens.time(Date.parse('2026-03-01T00:00:30Z'))).toBe(late);
  });

  it('of a text depends on nothing that had one before', () => {
    const fresh = (): Tokens => new Tokens({ key: () => Buffer.alloc(32, 7) });
    const used = fresh();
    used.value('juliet');
    expect(used.value('identifier juliet')).toBe(fresh().value('identifier juliet'));
  });

  it('of a word shows nothing of the key of the permutations', () => {
    const key = Buffer.alloc(32, 7);
    const ofWord = new Permutations(createHmac('sha256', key).update('permutations').digest());
    const labelOfNumbersWith4 = 20;
    const image = ofWord.image(labelOfNumbersWith4, 8_151n, 10_000n);
    expect(tokens.value('48151')).not.toBe(`4${String(image).padStart(4, '0')}`);
  });

  it('cannot be made again once the key is forgotten', () => {
    const key = Buffer.alloc(32, 7);
    const own = new Tokens({ key: () => key });
    const before = own.value('juliet');
    own.forget();
    expect(key.equals(Buffer.alloc(32, 7))).toBe(false);
    expect(own.value('juliet')).not.toBe(before);
  });
});
