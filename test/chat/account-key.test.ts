import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountKey, type AccountKeySubject } from '../../src/chat/account-key.ts';

const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const subject: AccountKeySubject = {
  gatekeeper: 'example',
  integrator: '7',
  issuer: 'https://issuer.example',
  subject: 'juliet@provider.example',
};

/** The formula of the documentation with Node's HKDF, written without the product's code. */
function expected(fields: AccountKeySubject): KeyObject {
  let info = '';
  for (const field of [
    'narthex-chat-account-key',
    '1',
    fields.gatekeeper,
    fields.integrator,
    fields.issuer,
    fields.subject,
  ]) {
    const hex = Buffer.from(field, 'utf8').toString('hex');
    info += (hex.length / 2).toString(16).padStart(8, '0') + hex;
  }
  const raw = hkdfSync('sha256', secret, '', Buffer.from(info, 'hex'), 32);
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), Buffer.from(raw)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** Text without unpaired surrogates. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const fields = fc.record({
  gatekeeper: text,
  integrator: text,
  issuer: text,
  subject: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
});

describe('the static key of an account', () => {
  // Computed in Python from RFC 5869 and RFC 7748 alone.
  it('keeps a fixed value, so that an enlisted key stays valid', () => {
    expect(accountKey(secret, subject).publicKey.toString('hex')).toBe(
      '2633c71d96b7cf5f36c814f7cb56d07f7eca7a0957d009aa86cf53b5696a6666',
    );
  });

  it('is HKDF-SHA-256 with each field of the info after its length', () => {
    fc.assert(
      fc.property(fields, (value) => {
        const { privateKey, publicKey } = accountKey(secret, value);
        const key = expected(value);
        expect(privateKey.equals(key)).toBe(true);
        expect(publicKey.toString('base64url')).toBe(createPublicKey(key).export({ format: 'jwk' }).x);
      }),
      { numRuns: 200 },
    );
  });

  it('differs when characters move from one field to the next', () => {
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const equal = (Object.keys(one) as (keyof AccountKeySubject)[]).every(
          (name) => one[name] === other[name],
        );
        fc.pre(!equal);
        expect(accountKey(secret, one).publicKey).not.toEqual(accountKey(secret, other).publicKey);
      }),
    );
    const whole = { ...subject, integrator: '71', issuer: 'https' };
    for (const moved of [
      { ...whole, integrator: '7', issuer: '1https' },
      { ...whole, integrator: '', issuer: '71https' },
      { ...whole, gatekeeper: 'example7', integrator: '1' },
      { ...whole, issuer: '', subject: `https${whole.subject}` },
    ])
      expect(accountKey(secret, moved).publicKey).not.toEqual(accountKey(secret, whole).publicKey);
  });

  it('differs by secret', () => {
    const other = Buffer.alloc(32, 9);
    expect(accountKey(other, subject).publicKey).not.toEqual(accountKey(secret, subject).publicKey);
  });

  it('has a subject of any length, which the 1,024 bytes of hkdfSync have not', () => {
    const long = accountKey(secret, { ...subject, subject: 'a'.repeat(3000) });
    const longer = accountKey(secret, { ...subject, subject: 'a'.repeat(3001) });
    expect(long.publicKey).not.toEqual(longer.publicKey);
  });

  it('refuses an empty subject, a short secret, and text that has no UTF-8', () => {
    expect(() => accountKey(secret, { ...subject, subject: '' })).toThrow('needs a subject');
    expect(() => accountKey(secret.subarray(1), subject)).toThrow('32 bytes');
    expect(() => accountKey(secret, { ...subject, subject: '\ud800' })).toThrow('surrogate');
    expect(() => accountKey(secret, { ...subject, issuer: 'a\udc00' })).toThrow('surrogate');
  });
});
