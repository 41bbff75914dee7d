/** docs/log-events.md against the table of events. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logEvents } from '../../src/observability/events.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/log-events.md'), 'utf8');

/** Rows of the table with so many columns, cells without code marks. */
function rows(columns: number): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells.length === columns);
}

const bare = (cell: string): string => cell.replaceAll('`', '');

it('the page has every event with its level and its fields, and no other', () => {
  const written = rows(5).map(([event, level, fields]) => ({
    event: bare(event!),
    level,
    fields: fields === '' ? [] : bare(fields!).split(', '),
  }));
  const known = Object.entries(logEvents).map(([event, { level, fields }]) => ({
    event,
    level,
    fields: Object.keys(fields),
  }));
  expect(written).toEqual(known);
});

it('it says of each what it means and what to do', () => {
  for (const [event, , , meaning, remedy] of rows(5)) {
    expect([event, meaning]).toEqual([event, expect.stringMatching(/^[A-Z].{10,}\.$/)]);
    expect([event, remedy]).toEqual([event, expect.stringMatching(/^[A-Z`].{5,}\.$/)]);
  }
});

it('it describes every field, with all words of a short list', () => {
  const described = new Map(rows(2).map(([field, meaning]) => [bare(field!), meaning!]));
  const used = new Map<string, readonly string[]>();
  for (const { fields } of Object.values(logEvents))
    for (const [field, kind] of Object.entries(fields) as [string, unknown][])
      used.set(field, [...(used.get(field) ?? []), ...(Array.isArray(kind) && kind.length < 8 ? kind : [])]);
  expect([...described.keys()].toSorted()).toEqual([...used.keys()].toSorted());
  const elsewhere = ['code', 'route', 'outcome', 'why', 'of'];
  for (const [field, words] of used) {
    if (elsewhere.includes(field)) continue;
    for (const word of words)
      expect([field, described.get(field)]).toEqual([field, expect.stringContaining(`\`${word}\``)]);
  }
});
