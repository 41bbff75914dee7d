import { createCipheriv, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SyntheticIv } from '../../src/minimisation/synthetic-iv.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

it('is that of RFC 5297 §A.1', () => {
  const siv = new SyntheticIv(
    createSecretKey(hex('fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0')),
    createSecretKey(hex('f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff')),
  );
  const data = siv.associate(hex('10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627').toString());
  const plain = hex('11223344 55667788 99aabbcc ddee');
  const sealed = siv.seal(data, plain);
  expect(sealed).toEqual(hex('85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c'));
  expect(siv.open(data, sealed)).toEqual(plain);
});

const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ b[i]!));
const block = (key: Buffer, input: Buffer): Buffer =>
  createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(input);

/** As the text of the RFC says it, with a new cipher for each block and integers of any size. */
function double(input: Buffer): Buffer {
  const value = BigInt(`0x${input.toString('hex')}`);
  const shifted = (value << 1n) & (2n ** 128n - 1n);
  const reduced = value >> 127n === 1n ? shifted ^ 0x87n : shifted;
  return hex(reduced.toString(16).padStart(32, '0'));
}

function cmac(message: Buffer): Buffer {
  const whole = double(block(keys[0], Buffer.alloc(16)));
  const count = Math.max(1, Math.ceil(message.length / 16));
  const last = message.subarray((count - 1) * 16);
  const final =
    last.length === 16
      ? xor(last, whole)
      : xor(Buffer.concat([last, Buffer.of(0x80), Buffer.alloc(15 - last.length)]), double(whole));
  let state: Buffer = Buffer.alloc(16);
  for (let i = 0; i < count - 1; i += 1)
    state = block(keys[0], xor(state, message.subarray(i * 16, i * 16 + 16)));
  return block(keys[0], xor(state, final));
}

function seal(associated: Buffer, plain: Buffer): Buffer {
  const prefix = xor(double(cmac(Buffer.alloc(16))), cmac(associated));
  const at = plain.length - 16;
  const vector =
    at >= 0
      ? cmac(Buffer.concat([plain.subarray(0, at), xor(plain.subarray(at), prefix)]))
      : cmac(xor(double(prefix), Buffer.concat([plain, Buffer.of(0x80), Buffer.alloc(15 - plain.length)])));
  const start = Buffer.from(vector);
  start[8] = start[8]! & 0x7f;
  start[12] = start[12]! & 0x7f;
  const crypted = createCipheriv('aes-256-ctr', keys[1], start).update(plain);
  return Buffer.concat([vector, crypted]);
}

it('agrees with an implementation without shortcuts, whatever was sealed before', () => {
  const siv = new SyntheticIv(createSecretKey(keys[0]), createSecretKey(keys[1]));
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 80 }), (associated, bytes) => {
      const plain = Buffer.from(bytes);
      const data = siv.associate(associated);
      const sealed = siv.seal(data, plain);
      expect(sealed).toEqual(seal(Buffer.from(associated), plain));
      expect(siv.open(data, sealed)).toEqual(plain);
      expect(siv.open(siv.associate(`${associated}.`), sealed)).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

it('opens nothing that was altered in any bit', () => {
  const siv = new SyntheticIv(createSecretKey(keys[0]), createSecretKey(keys[1]));
  const field = siv.associate('field');
  const sealed = siv.seal(field, Buffer.from('Gajim.9J2'));
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
    expect(siv.open(field, altered)).toBeUndefined();
  }
  expect(siv.open(field, sealed.subarray(0, 15))).toBeUndefined();
});
