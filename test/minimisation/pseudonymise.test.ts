import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  oneLengthBytesMax,
  Pseudonyms,
  valueBytesMax,
  type PseudonymBinding,
} from '../../src/minimisation/pseudonymise.ts';

const key = (fill: number, bytes = 32) => createSecretKey(Buffer.alloc(bytes, fill));
const pseudonyms = new Pseudonyms([key(1)]);
const binding: PseudonymBinding = { field: 'bind.resource', scope: 'account', scopeValue: 'a@b', period: 3 };
const values = fc.string({ unit: 'grapheme', maxLength: 80 });
const bindings = fc.record({
  field: fc.constantFrom('bind.resource', 'id.iq'),
  scope: fc.constantFrom('session', 'account'),
  scopeValue: fc.string({ maxLength: 8 }),
  period: fc.nat(9),
});

describe('a pseudonym', () => {
  it('is mapped back by any holder of the key', () => {
    fc.assert(
      fc.property(values, bindings, (value, each) => {
        const replica = new Pseudonyms([key(1)]);
        expect(replica.of(each).unmask(pseudonyms.of(each).pseudonymise(value)!)).toBe(value);
      }),
    );
  });

  it('is the same for the same value and binding, and another for any other', () => {
    fc.assert(
      fc.property(values, values, bindings, bindings, (a, b, first, second) => {
        const same = a === b && JSON.stringify(first) === JSON.stringify(second);
        expect(pseudonyms.of(first).pseudonymise(a) === pseudonyms.of(second).pseudonymise(b)).toBe(same);
      }),
    );
  });

  it('separates the parts of a binding wherever they are split', () => {
    const at = (scope: string, scopeValue: string) =>
      pseudonyms.of({ ...binding, scope, scopeValue }).pseudonymise('v');
    expect(at('a', 'bc')).not.toBe(at('ab', 'c'));
  });

  it('is never hidden twice', () => {
    fc.assert(
      fc.property(values, bindings, (value, each) => {
        const once = pseudonyms.of(each).pseudonymise(value)!;
        expect(pseudonyms.of(each).pseudonymise(once)).toBe(once);
      }),
    );
  });

  it('is the same for a value in place', () => {
    fc.assert(
      fc.property(values, bindings, fc.boolean(), (value, each, twice) => {
        const given = twice ? pseudonyms.of(each).pseudonymise(value)! : value;
        const bytes = Buffer.from(`'${given}'`);
        const there = pseudonyms.of(each).pseudonymiseAt(bytes, 1, bytes.length - 1)!;
        expect(there.toString()).toBe(pseudonyms.of(each).pseudonymise(value));
        for (const replica of [pseudonyms, new Pseudonyms([key(2), key(1)])])
          expect(replica.of(each).unmaskAt(there, 0, there.length)!.toString()).toBe(value);
      }),
    );
  });

  it('is not recognised when one character was changed', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.constantFrom('A', 'q', '_', '0'), (value, at, other) => {
        const hidden = pseudonyms.of(binding).pseudonymise(value)!;
        const index = at % hidden.length;
        fc.pre(hidden[index] !== other);
        const changed = hidden.slice(0, index) + other + hidden.slice(index + 1);
        expect(pseudonyms.of(binding).unmask(changed)).toBeUndefined();
      }),
    );
  });

  it('is not recognised in another field, scope or period, or under another key', () => {
    const hidden = pseudonyms.of(binding).pseudonymise('phone')!;
    for (const other of [{ field: 'id.iq' }, { scope: 'session' }, { scopeValue: 'c@d' }, { period: 4 }])
      expect(pseudonyms.of({ ...binding, ...other }).unmask(hidden)).toBeUndefined();
    expect(new Pseudonyms([key(2)]).of(binding).unmask(hidden)).toBeUndefined();
  });

  it('is legal in a resourcepart, an identifier and an attribute, and bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        const hidden = pseudonyms.of(binding).pseudonymise(value);
        if (hidden === undefined) expect(Buffer.byteLength(value)).toBeGreaterThan(valueBytesMax);
        else expect(hidden).toMatch(/^[\w-]{107,1023}$/);
      }),
    );
    expect(pseudonyms.of(binding).pseudonymise('x'.repeat(valueBytesMax))!.length).toBeLessThanOrEqual(1_023);
    expect(pseudonyms.of(binding).pseudonymise('x'.repeat(valueBytesMax + 1))).toBeUndefined();
  });

  it('has one length for all values up to the bound, in bytes', () => {
    const lengthOf = (value: string): number => pseudonyms.of(binding).pseudonymise(value)!.length;
    const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770';
    const lengths = ['', 'a', 'phone', uuid, 'x'.repeat(oneLengthBytesMax), 'ü'.repeat(31)].map(lengthOf);
    expect(new Set(lengths)).toEqual(new Set([107]));
    expect(lengthOf('x'.repeat(oneLengthBytesMax + 1))).toBeGreaterThan(107);
    expect(lengthOf('ü'.repeat(32))).toBeGreaterThan(107);
  });

  it('has few lengths above the bound', () => {
    const lengths = Array.from(
      { length: valueBytesMax },
      (_, bytes) => pseudonyms.of(binding).pseudonymise('x'.repeat(bytes))!.length,
    );
    expect(new Set(lengths).size).toBe(11);
  });

  it('of an earlier release, which hid the length only within 16 bytes, is still mapped back', () => {
    const node = new Pseudonyms([key(7)]).of({
      field: 'push.node',
      scope: 'gatekeeper',
      scopeValue: 'gatekeeper',
      period: 0,
    });
    expect(node.unmask('TF3Cy4Gbt2I3NZSles-K_fvKjiJSXO0NSSV7UWo9Xg8')).toBe('marker');
    expect(node.pseudonymise('marker')!.length).toBe(107);
  });

  it('is recognised under the former key while keys overlap', () => {
    const hidden = pseudonyms.of(binding).pseudonymise('phone')!;
    const rotated = new Pseudonyms([key(2), key(1)]);
    expect(rotated.of(binding).unmask(hidden)).toBe('phone');
    expect(rotated.of(binding).pseudonymise('phone')).not.toBe(hidden);
    expect(rotated.of(binding).pseudonymise(hidden)).toBe(hidden);
  });

  it('of a UUID is a UUID', () => {
    const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770';
    const hidden = pseudonyms.of(binding).pseudonymiseUuid(uuid)!;
    expect(hidden).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(pseudonyms.of(binding).pseudonymiseUuid(uuid.toUpperCase())).toBe(hidden);
    expect(pseudonyms.of({ ...binding, scopeValue: 'c@d' }).pseudonymiseUuid(uuid)).not.toBe(hidden);
    expect(pseudonyms.of(binding).pseudonymiseUuid('my phone')).toBeUndefined();
  });

  it('needs a secret of 32 bytes', () => {
    expect(() => new Pseudonyms([])).toThrow(RangeError);
    expect(() => new Pseudonyms([key(1, 31)])).toThrow('a secret for pseudonyms has at least 32 bytes');
  });
});
