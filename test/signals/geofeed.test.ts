/** The operator's table of regions (RFC 8805): what is read, what is refused and where, which prefix decides. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGeofeed } from '../../src/signals/geofeed.ts';
import { parseIp, prefixOf } from '../../src/signals/ip-address.ts';
import { RegionTable } from '../../src/signals/region-table.ts';

function tableOf(text: string): RegionTable {
  const reading = readGeofeed(text, 1_000);
  if (reading.kind === 'wrong') throw new Error(`${reading.line}:${reading.column} ${reading.reason}`);
  return reading.table;
}

const regionOf = (table: RegionTable, address: string): string | undefined => {
  const region = table.find(parseIp(address)!);
  return region && `${region.country} ${region.subdivision}`.trim();
};

describe('a table of regions', () => {
  const table = tableOf(
    [
      '# a comment, then an empty line',
      '',
      '192.0.2.0/24,AT,AT-9,Wien,',
      '192.0.2.128/25,de,de-by,,',
      '192.0.2.200,FR,,,\r',
      '192.0.2.64/26,,,,',
      '"198.51.100.0/24","BE","","Bruxelles, Brussel",""',
      '2001:db8::/32,PT,,,',
      '2001:db8:1::/48,ES',
      '0.0.0.0/0,US,,,',
    ].join('\n'),
  );

  it.each([
    ['192.0.2.1', 'AT AT-9'],
    ['192.0.2.129', 'DE DE-BY'],
    ['192.0.2.200', 'FR'],
    ['192.0.2.65', undefined],
    ['198.51.100.7', 'BE'],
    ['203.0.113.1', 'US'],
    ['::ffff:192.0.2.1', 'AT AT-9'],
    ['2001:db8::1', 'PT'],
    ['2001:db8:1:ffff::1', 'ES'],
    ['2001:db9::1', undefined],
  ])('%s is in %s: the longest prefix decides', (address, region) => {
    expect(regionOf(table, address)).toBe(region);
  });
});

describe('a row that is wrong', () => {
  it.each([
    ['192.0.2.0/33,AT,,,', 1, /no address and no prefix/],
    ['192.0.2.1/24,AT,,,', 1, /bits are set/],
    ['2001:db8::/129,AT,,,', 1, /no address and no prefix/],
    ['2001:db8::1/32,AT,,,', 1, /bits are set/],
    ['::ffff:192.0.2.0/120,AT,,,', 1, /no address and no prefix/],
    ['example,AT,,,', 1, /no address and no prefix/],
    [',AT,,,', 1, /no address and no prefix/],
    ['192.0.2.0/24', 1, /no country/],
    ['192.0.2.0/24,AUT,,,', 14, /two letters/],
    ['192.0.2.0/24,A1,,,', 14, /two letters/],
    ['192.0.2.0/24,AT,Wien,,', 17, /AT-9/],
    ['192.0.2.0/24,AT,DE-BY,,', 17, /begin with the country/],
    ['192.0.2.0/24,,DE-BY,,', 15, /begin with the country/],
    ['"192.0.2.0/24,AT,,,', 1, /quotes/],
    ['192.0.2.0/24,A"T",,,', 1, /quotes/],
    ['198.51.100.0/24,DE,,,', 1, /earlier row/],
  ])('%s: line, column and reason', (row, column, reason) => {
    const reading = readGeofeed(`# first\n198.51.100.0/24,AT,,,\n\n${row}\n`, 1_000);
    expect(reading).toMatchObject({ kind: 'wrong', line: 4, column });
    expect(reading.kind === 'wrong' && reading.reason).toMatch(reason);
  });

  it('is one more than the limit of rows; comments are none', () => {
    const rows = Array.from({ length: 4 }, (_, index) => `# ${index}\n10.0.${index}.0/24,AT\n`).join('');
    expect(readGeofeed(rows, 4)).toMatchObject({ kind: 'table', rows: 4 });
    expect(readGeofeed(rows, 3)).toMatchObject({ kind: 'wrong', line: 8, reason: 'more than 3 rows' });
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'1.:/,"ATat-#\n\r \0db8') }), (text) => {
        expect(['table', 'wrong']).toContain(readGeofeed(text, 3).kind);
      }),
    );
  });
});

it('finds what a search through all rows finds', () => {
  const octet = fc.integer({ min: 0, max: 3 });
  const prefix = fc.tuple(octet, octet, fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 30 }), octet, octet, (prefixes, a, b) => {
      const table = new RegionTable();
      const address = parseIp(`${a * 64}.${b * 64}.0.0`)!;
      let best = -1;
      let expected: string | undefined;
      for (const [index, [c, d, bits]] of prefixes.entries()) {
        const network = prefixOf(parseIp(`${c * 64}.${d * 64}.0.0`)!, bits);
        const country = String.fromCharCode(65 + Math.floor(index / 26), 65 + (index % 26));
        if (!table.add(network, bits, { country, subdivision: '' })) continue;
        const holds = Buffer.compare(prefixOf(address, bits).bytes, network.bytes) === 0;
        if (holds && bits > best) [best, expected] = [bits, country];
      }
      expect(table.find(address)?.country).toBe(expected);
    }),
  );
});
