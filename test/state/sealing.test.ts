/** Names and values of records at the server of a shared store. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stateKindNames, stateKinds } from '../../src/state/kinds.ts';
import { RecordSeal, sealedBytes, stateSecretBytesMin } from '../../src/state/sealing.ts';

const secret = randomBytes(32);
const seal = new RecordSeal(secret);
const kinds = fc.constantFrom(...stateKindNames);

describe('a sealed value', () => {
  it('opens under its own name, kind and secret', () => {
    fc.assert(
      fc.property(kinds, fc.string(), fc.uint8Array({ maxLength: 64 }), (kind, name, value) => {
        const sealedName = seal.nameOf(kind, name);
        const sealed = seal.seal(kind, sealedName, value);
        const replica = new RecordSeal(Buffer.from(secret));
        expect(replica.nameOf(kind, name).equals(sealedName)).toBe(true);
        expect(Buffer.from(replica.open(kind, sealedName, sealed)!).equals(value)).toBe(true);
      }),
    );
  });

  it('opens under no other name, kind or secret', () => {
    const name = seal.nameOf('nonce', 'one');
    const sealed = seal.seal('nonce', name, Buffer.from('value'));
    expect(seal.open('nonce', seal.nameOf('nonce', 'other'), sealed)).toBeUndefined();
    expect(seal.open('push', name, sealed)).toBeUndefined();
    expect(new RecordSeal(randomBytes(32)).open('nonce', name, sealed)).toBeUndefined();
  });

  it('does not open when any of its bytes is changed, cut off or added', () => {
    const name = seal.nameOf('push', 'one');
    const sealed = seal.seal('push', name, Uint8Array.of(1));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(seal.open('push', name, changed)).toBeUndefined();
      expect(seal.open('push', name, sealed.subarray(0, at))).toBeUndefined();
      expect(seal.open('push', name, sealed.subarray(at + 1))).toBeUndefined();
    }
    expect(seal.open('push', name, Buffer.concat([sealed, Uint8Array.of(0)]))).toBeUndefined();
    expect(seal.open('push', name, sealed)).toEqual(Buffer.of(1));
  });

  it('is another each time, so that equal values are not seen to be equal', () => {
    const name = seal.nameOf('push', 'one');
    const values = Array.from({ length: 100 }, () =>
      seal.seal('push', name, Uint8Array.of(1)).toString('hex'),
    );
    expect(new Set(values).size).toBe(100);
    // No byte but the version is the same in all.
    for (let at = 1; at < values[0]!.length / 2; at += 1)
      expect(new Set(values.map((value) => value.slice(2 * at, 2 * at + 2))).size).toBeGreaterThan(1);
  });

  it('has one of few lengths: it is padded', () => {
    for (const kind of stateKindNames) {
      const { paddedToBytes: step } = stateKinds[kind];
      for (const length of [0, 1, step - 4, step - 3, 3 * step]) {
        const sealed = seal.seal(kind, seal.nameOf(kind, 'n'), new Uint8Array(length));
        expect(sealed.length).toBe(sealedBytes(kind, length));
      }
      expect(sealedBytes(kind, 0)).toBe(sealedBytes(kind, step - 4));
      expect(sealedBytes(kind, step - 3) - sealedBytes(kind, 0)).toBe(step);
    }
    expect(sealedBytes('nonce', 32)).toBe(sealedBytes('push', 1));
  });
});

describe('the name of a record', () => {
  it('is a MAC: it has nothing of what it names, and differs by kind, name and secret', () => {
    const names = stateKindNames.flatMap((kind) =>
      ['', 'a', 'b', `a\0nonce`].map((name) => seal.nameOf(kind, name).toString('hex')),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(names.map(({ length }) => length))).toEqual(new Set([64]));
    expect(new RecordSeal(randomBytes(32)).nameOf('nonce', 'a').equals(seal.nameOf('nonce', 'a'))).toBe(
      false,
    );
  });
});

it('a secret of fewer bytes than it must have is refused', () => {
  expect(() => new RecordSeal(new Uint8Array(stateSecretBytesMin - 1))).toThrow(RangeError);
  expect(() => new RecordSeal(new Uint8Array(stateSecretBytesMin))).not.toThrow();
});
