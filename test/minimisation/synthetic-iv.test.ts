import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainBytesMax, SyntheticIv } from '../../src/minimisation/synthetic-iv.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ b[i]!));

const keys = [
  hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'),
  hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffe0e1e2e3e4e5e6e7e8e9eaebecedeeef'),
] as const;
const siv = new SyntheticIv(...keys);

/** Vector and key stream of each plaintext, from OpenSSL:
 *  `openssl kdf -keylen N -kdfopt digest:SHA2-256 -kdfopt hexkey:KEY -kdfopt hexinfo:INFO SSKDF`. */
const fromOpenSsl = [
  ['', 'f208c0c5a132ac95daae5e941554b754', ''],
  ['Gajim.9J2', 'f079a83f019b3e74647a23b7687b45b3', '2b1c5cd8aa679121b1'],
  [
    'a resource of more than one block of key stream: 70 bytes from here on',
    '26f2b8a4c886ee2ebd546f23f22d0bd1',
    '50eb49604320bfc81dffa53b791875768cd15829b9789ebcc31ab21e060d69cc4da09410129d0631d0782005aed14f17e2c082e6eaa6306f1341ff3fbac90b8eed1246d974cd',
  ],
] as const;

it.each(fromOpenSsl)('of %j has vector and key stream of OpenSSL', (text, vector, stream) => {
  const plain = Buffer.from(text);
  const sealed = siv.seal(plain);
  expect(sealed.toString('hex')).toBe(vector + xor(plain, hex(stream)).toString('hex'));
  expect(siv.vector(plain).toString('hex')).toBe(vector);
  expect(siv.open(sealed)).toEqual(plain);
});

/** As the publication says it, with a counter of any size. */
function derive(key: Buffer, info: Buffer, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 1; blocks.length * 32 < length; counter += 1) {
    const count = hex(counter.toString(16).padStart(8, '0'));
    blocks.push(createHash('sha256').update(count).update(key).update(info).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

it('agrees with the key derivation as it is published, whatever was sealed before', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const plain = Buffer.from(bytes);
      const length = hex(plain.length.toString(16).padStart(8, '0'));
      const vector = derive(keys[0], Buffer.concat([length, plain]), 16);
      const sealed = siv.seal(plain);
      expect(sealed).toEqual(Buffer.concat([vector, xor(plain, derive(keys[1], vector, plain.length))]));
      expect(siv.open(sealed)).toEqual(plain);
      expect(new SyntheticIv(keys[1], keys[0]).open(sealed)).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

it('seals the beginning of a larger buffer, into one that is there', () => {
  const target = Buffer.alloc(64, 0xee);
  expect(siv.seal(Buffer.from('Gajim.9J2 and more'), 9, target)).toBe(target);
  expect(target.subarray(0, 25)).toEqual(siv.seal(Buffer.from('Gajim.9J2')));
  expect(target.subarray(25)).toEqual(Buffer.alloc(39, 0xee));
});

describe('opening', () => {
  it('refuses sealed bytes with any bit changed, or too few', () => {
    const sealed = siv.seal(Buffer.from('Gajim.9J2'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      expect(siv.open(altered)).toBeUndefined();
    }
    expect(siv.open(sealed.subarray(0, 15))).toBeUndefined();
  });

  it('ends where the counter does', () => {
    const longest = Buffer.alloc(plainBytesMax, 7);
    expect(siv.open(siv.seal(longest))).toEqual(longest);
    expect(() => siv.seal(Buffer.alloc(plainBytesMax + 1))).toThrow('a plaintext has 8160 bytes at most');
    expect(siv.open(Buffer.alloc(plainBytesMax + 17))).toBeUndefined();
  });
});

it('needs two keys of 256 bits', () => {
  expect(() => new SyntheticIv(keys[0].subarray(1), keys[1])).toThrow('a key has 32 bytes');
  expect(() => new SyntheticIv(keys[0], keys[1].subarray(1))).toThrow('a key has 32 bytes');
  expect(() => new SyntheticIv(keys[0], keys[0])).toThrow('one key for two purposes');
});
