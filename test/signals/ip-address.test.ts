import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, ipFromBytes, parseIp, prefixOf } from '../../src/signals/ip-address.ts';

const canonical = (text: string): string | undefined => {
  const address = parseIp(text);
  return address && formatIp(address);
};

describe('an IP address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it.each(['', '1.2.3', '01.2.3.4', '256.1.1.1', 'fe80::1%eth0', '1::2::3', 'example.org', '1.2.3.4/8'])(
    '%s is none',
    (text) => {
      expect(parseIp(text)).toBeUndefined();
    },
  );

  it('survives being written and read', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(fc.oneof(bytes, sparse), (raw) => {
        const address = ipFromBytes(Uint8Array.from(raw));
        expect(parseIp(formatIp(address))).toEqual(address);
      }),
    );
  });

  it.each([
    ['192.0.2.77', 24, '192.0.2.0'],
    ['192.0.2.77', 32, '192.0.2.77'],
    ['192.0.2.77', 0, '0.0.0.0'],
    ['192.0.2.77', 29, '192.0.2.72'],
    ['2001:db8:1:2:3::4', 48, '2001:db8:1::'],
  ])('%s has the prefix /%i %s', (text, bits, expected) => {
    expect(formatIp(prefixOf(parseIp(text)!, bits))).toBe(expected);
  });
});
