import { randomBytes, sign } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { calculateSignature, generateKeyPair } from 'whatsapp-rust-bridge';
import { verifyXeddsa } from '../../src/chat/xeddsa.ts';
import { newSigningKey } from '../../src/simulator/chat/authority.ts';

const order = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

describe('XEdDSA', () => {
  it('accepts the signatures of an independent implementation, and no changed one', () => {
    for (let run = 0; run < 20; run += 1) {
      const { pubKey, privKey } = generateKeyPair();
      const key = Buffer.from(pubKey).subarray(-32);
      const message = randomBytes(run * 10);
      const signature = Buffer.from(calculateSignature(privKey, message));
      expect(verifyXeddsa(key, message, signature)).toBe(true);
      for (const at of [0, 31, 32, 62]) {
        const changed = Buffer.from(signature);
        changed[at]! ^= 1;
        expect(verifyXeddsa(key, message, changed)).toBe(false);
      }
      expect(verifyXeddsa(key, Buffer.concat([message, Buffer.alloc(1)]), signature)).toBe(false);
      expect(verifyXeddsa(randomBytes(32), message, signature)).toBe(false);
    }
  });

  it('converts keys as a second implementation does', () => {
    for (let run = 0; run < 20; run += 1) {
      const secret = randomBytes(32);
      const edwards = ed25519.getPublicKey(secret);
      const montgomery = ed25519.utils.toMontgomery(edwards);
      const message = randomBytes(40);
      const signature = Buffer.from(ed25519.sign(message, secret));
      signature[63]! |= edwards[31]! & 0x80;
      expect(verifyXeddsa(montgomery, message, signature)).toBe(true);
      signature[63]! ^= 0x80;
      expect(verifyXeddsa(montgomery, message, signature)).toBe(false);
    }
  });

  it('refuses keys and signatures that are not in their only form', () => {
    const key = newSigningKey();
    const message = Buffer.from('message');
    const signature = sign(null, message, key.privateKey);
    signature[63]! |= key.sign;
    expect(verifyXeddsa(key.publicKey, message, signature)).toBe(true);
    expect(verifyXeddsa(key.publicKey.subarray(1), message, signature)).toBe(false);
    expect(verifyXeddsa(key.publicKey, message, signature.subarray(1))).toBe(false);
    const p = 2n ** 255n - 19n;
    for (const u of [p, p + 1n, p - 1n, 2n ** 255n - 1n])
      expect(verifyXeddsa(littleEndian(u), message, signature)).toBe(false);
    const s =
      BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) & (2n ** 255n - 1n);
    const malleable = Buffer.concat([signature.subarray(0, 32), littleEndian(s + order)]);
    malleable[63]! |= key.sign;
    expect(verifyXeddsa(key.publicKey, message, malleable)).toBe(false);
  });
});
