import { describe, expect, it } from 'vitest';
import { NameHash } from '../../src/session/name-hash.ts';

const key = Buffer.from('0001020304050607', 'hex');

/** Vectors of the reference implementation for this key: of the bytes 0, 1, 2 … by their number. */
const vectors: readonly (readonly [number, string])[] = [
  [0, '218d1f59b9b83cc8'],
  [1, 'be552412f8387315'],
  [2, '064f39ef7c50eb57'],
  [3, 'ce0f1a45f7060679'],
  [4, 'd5e78a175be52ea1'],
  [8, 'edfee820bce4858c'],
  [11, 'ae26333994ddcd48'],
  [16, '7336aad25f7bf3b5'],
];

function hex({ low, high }: { readonly low: number; readonly high: number }): string {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(low, 0);
  bytes.writeInt32LE(high, 4);
  return bytes.toString('hex');
}

describe('a hashed name', () => {
  it.each(vectors)('of %i bytes is that of the reference implementation', (length, expected) => {
    const hash = new NameHash(key);
    expect(hex(hash.ofBytes(Uint8Array.from({ length }, (_, index) => index)))).toBe(expected);
  });

  it('is that of its parts in UTF-8, each followed by a zero', () => {
    const hash = new NameHash(key);
    const parts = ['message', 'bob@example.com', '', 'ñ€😀', 'x'.repeat(1_000)];
    const bytes = Buffer.from(parts.map((part) => `${part}\0`).join(''));
    expect(hash.of(...parts)).toEqual(new NameHash(key).ofBytes(bytes));
    expect(hash.of('a', 'bc')).not.toEqual(hash.of('ab', 'c'));
  });

  it('does not depend on those before it', () => {
    const hash = new NameHash(key);
    const first = hash.of('message', 'bob@example.com', '1');
    hash.of('ñ'.repeat(500));
    expect(hash.of('message', 'bob@example.com', '1')).toEqual(first);
  });

  it('is another under another key', () => {
    const other = new NameHash(Buffer.from('0001020304050608', 'hex'));
    expect(other.of('message')).not.toEqual(new NameHash(key).of('message'));
  });
});
