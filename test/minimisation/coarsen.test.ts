import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coarsenTo } from '../../src/minimisation/coarsen.ts';

const hour = 3_600_000;

describe('coarsening', () => {
  it.each([
    ['2026-03-10T23:41:07.512Z', '2026-03-10T23:00:00Z'],
    ['2026-03-10T23:41:07+05:30', '2026-03-10T18:00:00Z'],
    ['20260310T23:41:07', '20260310T23:00:00'],
    ['86511', '86400'],
    ['0.173', '0'],
  ])('rounds the time %s down to %s', (value, expected) => {
    expect(coarsenTo({ unit: 'time', grainMs: hour })(value)).toBe(expected);
  });

  it.each(['', 'yesterday', '2026-03-10', '2026-13-40T99:99:99Z', '-5', '1e9', ' 2026-03-10T23:41:07Z', '٣'])(
    'withholds text that is no time: %j',
    (value) => {
      expect(coarsenTo({ unit: 'time', grainMs: hour })(value)).toBeUndefined();
    },
  );

  it('never moves a time into the future, nor further than the grain, and is stable', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
        fc.integer({ min: 1_000, max: 86_400_000 }),
        (date, grainMs) => {
          const coarsen = coarsenTo({ unit: 'time', grainMs });
          const rounded = coarsen(date.toISOString())!;
          const moved = date.getTime() - Date.parse(rounded);
          expect(moved).toBeGreaterThanOrEqual(0);
          // Written without a fraction, which may take up to a second more.
          expect(moved).toBeLessThan(grainMs + 1_000);
        },
      ),
    );
  });

  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['255.255.255.255', '255.255.255.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['::1', '::/48'],
    ['::ffff:192.0.2.1', '::/48'],
  ])('cuts the address %s to %s', (value, expected) => {
    expect(coarsenTo({ unit: 'address', ipv4Bits: 24, ipv6Bits: 48 })(value)).toBe(expected);
  });

  it.each(['fe80::1%eth0', '192.0.2', '192.0.2.77/32', 'host.example', '0x7f.1'])('withholds %s', (value) => {
    expect(coarsenTo({ unit: 'address', ipv4Bits: 24, ipv6Bits: 48 })(value)).toBeUndefined();
  });

  it('keeps exactly the prefix of any address', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, bits) => {
        const [kept, length] = coarsenTo({ unit: 'address', ipv4Bits: bits, ipv6Bits: 0 })(address)!.split(
          '/',
        );
        const number = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
        expect(Number(length)).toBe(bits);
        expect(number(kept!)).toBe(number(address) - (number(address) % 2 ** (32 - bits)));
      }),
    );
  });

  it('keeps the major version, the primary language, the size to the grain', () => {
    expect(coarsenTo({ unit: 'version' })('4.2.1-beta')).toBe('4');
    expect(coarsenTo({ unit: 'version' })('beta')).toBeUndefined();
    expect(coarsenTo({ unit: 'language' })('de-AT')).toBe('de');
    expect(coarsenTo({ unit: 'language' })('x')).toBeUndefined();
    expect(coarsenTo({ unit: 'bytes', grainBytes: 65_536 })('83121')).toBe('65536');
    expect(coarsenTo({ unit: 'bytes', grainBytes: 65_536 })('big')).toBeUndefined();
  });
});
