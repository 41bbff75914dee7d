import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrustedNetworks, type TrustedNetworks } from '../../src/signals/cidr.ts';

function networks(...blocks: string[]): TrustedNetworks {
  const answer = parseTrustedNetworks(blocks);
  if (answer.kind !== 'networks') throw new Error(`block ${answer.index}`);
  return answer.networks;
}

const text = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

describe('trusted networks', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['192.0.2.5', '192.0.2.5', true],
    ['192.0.2.5', '192.0.2.6', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '::1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '10.0.0.1', false],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['10.0.0.0/8', 'not an address', false],
    ['10.0.0.0/8', '', false],
  ])('%s has %s: %s', (block, address, expected) => {
    expect(networks(block).has(address)).toBe(expected);
  });

  it('may be none', () => {
    expect(networks().has('127.0.0.1')).toBe(false);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.1/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '::ffff:10.0.0.0/8',
    'x',
    '',
  ])('refuses %s', (block) => {
    expect(parseTrustedNetworks(['127.0.0.1', block])).toEqual({ kind: 'invalid', index: 1 });
  });

  it('has the addresses that arithmetic gives', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffffffff),
        fc.nat(0xffffffff),
        fc.integer({ min: 0, max: 32 }),
        (base, other, bits) => {
          const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
          const network = (base & mask) >>> 0;
          const trusted = networks(`${text(network)}/${bits}`);
          expect(trusted.has(text(other))).toBe((other & mask) >>> 0 === network);
          expect(trusted.has(text(base))).toBe(true);
        },
      ),
    );
  });
});
