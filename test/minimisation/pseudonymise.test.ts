import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pseudonyms, valueBytesMax, type PseudonymBinding } from '../../src/minimisation/pseudonymise.ts';

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
  it('is mapped back by whoever holds the key', () => {
    fc.assert(
      fc.property(values, bindings, (value, each) => {
        const replica = new Pseudonyms([key(1)]);
        expect(replica.recognise(pseudonyms.hide(value, each)!, each)).toBe(value);
      }),
    );
  });

  it('is the same for the same value and binding, and another for any other', () => {
    fc.assert(
      fc.property(values, values, bindings, bindings, (a, b, first, second) => {
        const same = a === b && JSON.stringify(first) === JSON.stringify(second);
        expect(pseudonyms.hide(a, first) === pseudonyms.hide(b, second)).toBe(same);
      }),
    );
  });

  it('tells binding parts apart wherever their border is', () => {
    const at = (scope: string, scopeValue: string) => pseudonyms.hide('v', { ...binding, scope, scopeValue });
    expect(at('a', 'bc')).not.toBe(at('ab', 'c'));
  });

  it('is never hidden twice', () => {
    fc.assert(
      fc.property(values, bindings, (value, each) => {
        const once = pseudonyms.hide(value, each)!;
        expect(pseudonyms.hide(once, each)).toBe(once);
      }),
    );
  });

  it('is not recognised when one character was changed', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.constantFrom('A', 'q', '_', '0'), (value, at, other) => {
        const hidden = pseudonyms.hide(value, binding)!;
        const index = at % hidden.length;
        fc.pre(hidden[index] !== other);
        const changed = hidden.slice(0, index) + other + hidden.slice(index + 1);
        expect(pseudonyms.recognise(changed, binding)).toBeUndefined();
      }),
    );
  });

  it('is not recognised in another field, scope or period, or under another key', () => {
    const hidden = pseudonyms.hide('phone', binding)!;
    for (const other of [{ field: 'id.iq' }, { scope: 'session' }, { scopeValue: 'c@d' }, { period: 4 }])
      expect(pseudonyms.recognise(hidden, { ...binding, ...other })).toBeUndefined();
    expect(new Pseudonyms([key(2)]).recognise(hidden, binding)).toBeUndefined();
  });

  it('is legal in a resourcepart, an identifier and an attribute, and bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        const hidden = pseudonyms.hide(value, binding);
        if (hidden === undefined) expect(Buffer.byteLength(value)).toBeGreaterThan(valueBytesMax);
        else expect(hidden).toMatch(/^[\w-]{43,1023}$/);
      }),
    );
    expect(pseudonyms.hide('x'.repeat(valueBytesMax), binding)!.length).toBeLessThanOrEqual(1_023);
    expect(pseudonyms.hide('x'.repeat(valueBytesMax + 1), binding)).toBeUndefined();
  });

  it('hides the length of short values', () => {
    const lengths = ['', 'a', 'phone', 'fifteen.letters'].map(
      (value) => pseudonyms.hide(value, binding)!.length,
    );
    expect(new Set(lengths).size).toBe(1);
  });

  it('is recognised under the former key while keys overlap', () => {
    const hidden = pseudonyms.hide('phone', binding)!;
    const rotated = new Pseudonyms([key(2), key(1)]);
    expect(rotated.recognise(hidden, binding)).toBe('phone');
    expect(rotated.hide('phone', binding)).not.toBe(hidden);
    expect(rotated.hide(hidden, binding)).toBe(hidden);
  });

  it('of a UUID is a UUID', () => {
    const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770';
    const hidden = pseudonyms.hideUuid(uuid, binding)!;
    expect(hidden).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(pseudonyms.hideUuid(uuid.toUpperCase(), binding)).toBe(hidden);
    expect(pseudonyms.hideUuid(uuid, { ...binding, scopeValue: 'c@d' })).not.toBe(hidden);
    expect(pseudonyms.hideUuid('my phone', binding)).toBeUndefined();
  });

  it('needs a secret of 32 bytes', () => {
    expect(() => new Pseudonyms([])).toThrow(RangeError);
    expect(() => new Pseudonyms([key(1, 31)])).toThrow('a secret for pseudonyms has at least 32 bytes');
  });
});
