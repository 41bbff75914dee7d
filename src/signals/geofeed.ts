/** Reads a table of regions by address prefix in the form of self-published geofeeds (RFC 8805 §2.1): one line for each
 *  prefix, `prefix,country,subdivision,city,postal code`. Lines that begin with `#` and empty lines are no rows. City and
 *  postal code are not read. */
import { parseIp, prefixOf, type IpAddress } from './ip-address.ts';
import { RegionTable, type Region } from './region-table.ts';

export type GeofeedReading =
  | { readonly kind: 'table'; readonly table: RegionTable; readonly rows: number }
  /** The first row that is wrong. Lines and columns count from 1. */
  | { readonly kind: 'wrong'; readonly line: number; readonly column: number; readonly reason: string };

/** How many lines are read between two steps: some milliseconds. */
const linesPerStep = 2_000;

/** @param rowsMax the most rows that are taken; comments and empty lines are none */
export function readGeofeed(text: string, rowsMax: number): GeofeedReading {
  const steps = readGeofeedInSteps(text, rowsMax);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Reads the same, and yields again and again so that other work can be done. */
export function* readGeofeedInSteps(text: string, rowsMax: number): Generator<void, GeofeedReading> {
  const table = new RegionTable();
  const regions = new Map<string, Region>();
  let rows = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (index % linesPerStep === linesPerStep - 1) yield;
    const row = line.trimEnd();
    if (row === '' || row.startsWith('#')) continue;
    rows += 1;
    const wrong =
      rows > rowsMax ? { field: 0, reason: `more than ${rowsMax} rows` } : addRow(table, row, regions);
    if (wrong !== undefined)
      return { kind: 'wrong', line: index + 1, column: columnOf(row, wrong.field), reason: wrong.reason };
  }
  return { kind: 'table', table, rows };
}

interface Wrong {
  /** Index of the field. */
  readonly field: number;
  readonly reason: string;
}

/** @param regions those seen, so that equal ones are one object */
function addRow(table: RegionTable, row: string, regions: Map<string, Region>): Wrong | undefined {
  const fields = fieldsOf(row);
  if (fields === undefined) return { field: 0, reason: 'the quotes do not close, or stand inside a field' };
  const [prefix = '', country, subdivision = ''] = fields.map((field) => field.trim());
  const network = parsePrefix(prefix);
  if (network === undefined)
    return { field: 0, reason: 'this is no address and no prefix such as 192.0.2.0/24 or 2001:db8::/32' };
  if (network === 'host-bits') return { field: 0, reason: 'bits are set after the prefix' };
  if (country === undefined)
    return { field: 0, reason: 'the row has no country; for a prefix without one, write an empty field' };
  if (!/^([A-Za-z]{2})?$/.test(country))
    return { field: 1, reason: 'a country has two letters (ISO 3166-1)' };
  if (!/^([A-Za-z]{2}-[A-Za-z0-9]{1,3})?$/.test(subdivision))
    return { field: 2, reason: 'a region is written as AT-9 (ISO 3166-2)' };
  const region = { country: country.toUpperCase(), subdivision: subdivision.toUpperCase() };
  if (region.subdivision !== '' && !region.subdivision.startsWith(`${region.country}-`))
    return { field: 2, reason: 'the region does not begin with the country' };
  const key = `${region.country} ${region.subdivision}`;
  const known = regions.get(key) ?? region;
  regions.set(key, known);
  if (table.add(network.address, network.prefixBits, known)) return undefined;
  return { field: 0, reason: 'this prefix stands in an earlier row too' };
}

interface Prefix {
  readonly address: IpAddress;
  readonly prefixBits: number;
}

/** An address, or one with a prefix length (RFC 4632 §3.1, RFC 4291 §2.3). */
function parsePrefix(text: string): Prefix | 'host-bits' | undefined {
  const [, host = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseIp(host);
  // The table has IPv4 prefixes as such, never inside IPv6.
  if (address === undefined || (address.version === 4 && host.includes(':'))) return undefined;
  const width = address.bytes.length * 8;
  const prefixBits = bits === undefined ? width : Number(bits);
  if (prefixBits > width) return undefined;
  const cut = prefixOf(address, prefixBits).bytes;
  return Buffer.compare(cut, address.bytes) === 0 ? { address, prefixBits } : 'host-bits';
}

/** Splits a row at its commas; a field may stand in quotes (RFC 4180 §2). Undefined when the quotes are wrong. */
function fieldsOf(row: string): string[] | undefined {
  if (!row.includes('"')) return row.split(',');
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/y;
  const fields: string[] = [];
  while (field.lastIndex <= row.length) {
    const at = field.lastIndex;
    const found = field.exec(row);
    if (found === null) return undefined;
    fields.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (at === row.length || !found[0].endsWith(',')) break;
  }
  return fields;
}

/** Where a field begins, in characters of the row from 1. */
function columnOf(row: string, field: number): number {
  let column = 1;
  for (let index = 0; index < field; index += 1) column = row.indexOf(',', column - 1) + 2;
  return column;
}
