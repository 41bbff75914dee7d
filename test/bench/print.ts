/** How rows are shown: on the terminal and in the page. */
import type { Row } from './row.ts';
import type { Spread } from './statistics.ts';

/** Three significant digits or so, whatever the size. */
export function figure(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

/** The median, with the quartiles around it. */
export function spread({ median, lower, upper }: Spread, digits: (value: number) => string = figure): string {
  return `${digits(median)} (${digits(lower)}–${digits(upper)})`;
}

/** Ratios have hundredths, and thousandths where they are near 1: that is where revisions are judged. */
export function ratio(row: Row): string {
  if (row.yardstick === '') return '';
  if (row.ratio === undefined) return 'no comparable round';
  return spread(row.ratio, (value) => value.toFixed(Math.abs(value - 1) < 0.1 ? 3 : 2));
}

export function verdict({ aim, ratio }: Row): string {
  if (aim === undefined) return '';
  if (ratio === undefined) return `≤ ${aim}: unknown`;
  return ratio.median <= aim ? `≤ ${aim}: met` : `≤ ${aim}: missed`;
}

/** Titles and cells of a table, the same in both places. Columns in which no row has anything are left out. */
export function table(rows: readonly Row[]): readonly Readonly<Record<string, string>>[] {
  const cells = rows.map(columns);
  const used = Object.keys(cells[0] ?? {}).filter((title) => cells.some((row) => row[title] !== ''));
  return cells.map((row) => Object.fromEntries(used.map((title) => [title, row[title]!])));
}

function columns(row: Row): Readonly<Record<string, string>> {
  const { load } = row;
  return {
    row: row.name,
    bytes: row.byteLength === 0 ? '' : String(row.byteLength),
    figure: `${spread(row.figure)} ${row.unit}`,
    ratio: ratio(row),
    to: row.yardstick,
    aim: verdict(row),
    'events per loop': load?.eventsPerLoop === undefined ? '' : load.eventsPerLoop.toFixed(1),
    'busy: it, load': load === undefined ? '' : `${percent(load.busy)}, ${percent(load.loadBusy)}`,
    'rounds, left out':
      load === undefined ? String(row.figure.count) : `${row.figure.count}, ${load.discarded}`,
  };
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}
