import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import { createDevice, decrypt, encrypt } from '../../src/simulator/envelope.ts';
import { attribute, child, elements, text, type Element } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { serialise } from '../../src/simulator/xml/write.ts';

const juliet = createDevice('juliet@capulet.example', 1);
const phone = createDevice('romeo@montague.example', 2);
const laptop = createDevice('romeo@montague.example', 3);
const stranger = createDevice('tybalt@capulet.example', 4);

/** The same envelope with one base64 character of every text of this name changed. */
function altered(source: Element, local: string): Element {
  const children = source.children.map((one) => {
    if (typeof one !== 'string') return altered(one, local);
    return source.local === local ? (one.startsWith('A') ? 'B' : 'A') + one.slice(1) : one;
  });
  return { ...source, children };
}

describe('the envelope', () => {
  it('is opened on every device that it is for, after transport', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (written) => {
        // What XML cannot carry is no message.
        fc.pre(!/[\p{Cs}\p{Cc}\uFFFE\uFFFF]/u.test(written));
        const wire = serialise(encrypt(juliet, [phone, laptop], written));
        for (const device of [phone, laptop]) expect(decrypt(device, parseElement(wire)!)).toBe(written);
      }),
      { numRuns: 50 },
    );
  });

  it('has the shape of XEP-0384', () => {
    const sealed = encrypt(juliet, [phone, laptop, juliet], 'good night');
    const header = child(sealed, ns.omemo2, 'header')!;
    expect(attribute(header, 'sid')).toBe('1');
    const keys = elements(header).map((one) => [
      attribute(one, 'jid'),
      ...elements(one).map((key) => attribute(key, 'rid')),
    ]);
    expect(keys).toEqual([
      ['romeo@montague.example', '2', '3'],
      ['juliet@capulet.example', '1'],
    ]);
    expect(Buffer.from(text(child(sealed, ns.omemo2, 'payload')!), 'base64').length % 16).toBe(0);
  });

  it('differs each time, and does not reveal its content', () => {
    const [first, second] = [1, 2].map(() => serialise(encrypt(juliet, [phone], 'good night')));
    expect(first).not.toBe(second);
    expect(first).not.toContain('good night');
  });

  it.each(['payload', 'key'])('does not open when its %s was altered', (local) => {
    const sealed = altered(encrypt(juliet, [phone], 'good night'), local);
    expect(() => decrypt(phone, sealed)).toThrow(/was altered/);
  });

  it('does not open on another device', () => {
    expect(() => decrypt(stranger, encrypt(juliet, [phone], 'x'))).toThrow(/not for this device/);
    const impostor = createDevice(phone.jid, phone.id);
    expect(() => decrypt(impostor, encrypt(juliet, [phone], 'x'))).toThrow(/was altered/);
  });
});
