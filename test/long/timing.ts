import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import {
  closedMax,
  lineOf,
  measure,
  page,
  readTable,
  tables,
  withTable,
  type Measured,
  type Row,
} from '../session/timing/page.ts';
import type { LongRun } from './long-run.ts';

/** Rows to measure, by table and name; all by default: `NARTHEX_TIMING_ROWS='^strict'`. */
const chosen = new RegExp(process.env['NARTHEX_TIMING_ROWS'] ?? '');
/** Where nothing is hidden, fewer decisions are enough. */
const openShare = 10;

interface Place {
  readonly table: string;
  readonly row: Row;
}

const places: readonly Place[] = Object.entries(tables)
  .flatMap(([table, rows]) => rows.map((row) => ({ table, row })))
  .filter(({ table, row }) => chosen.test(`${table} ${row.name}`));

export const longRun: LongRun = {
  name: 'timing',
  summary: 'the published attack on the times of automatic answers; writes the tables of docs/timing.md',
  unit: 'decisions for each row',
  count: 2_000,
  async run({ count, seed, progress }) {
    const failures: string[] = [];
    let worst = 0;
    for (const [index, { table, row }] of places.entries()) {
      progress(Math.floor((index * count) / places.length));
      const decisions = row.isClosed ? count : Math.ceil(count / openShare);
      const measured = measure(row, decisions, seed);
      // Row by row, so that a run that is cut short has not been for nothing.
      if (count >= longRun.count) await write(table, row, lineOf(row, measured));
      if (!row.isClosed) continue;
      const accuracy = mostOf(measured);
      worst = Math.max(worst, accuracy);
      if (accuracy > closedMax)
        failures.push(`${table}, ${row.name}: ${accuracy.toFixed(3)} of the decisions are right`);
    }
    const figures = {
      rows: places.length,
      'rows that are to be closed': places.filter(({ row }) => row.isClosed).length,
      'largest accuracy in them': worst.toFixed(3),
    };
    return { figures, failures };
  },
};

function mostOf({ far, close }: Measured): number {
  return Math.max(...far.accuracies, ...close.accuracies);
}

/** Puts a line into its table in place of the one of the same row. */
async function write(table: string, row: Row, line: string): Promise<void> {
  const text = await readFile(page, 'utf8');
  const written = new Map(readTable(text, table).map((cells) => [cells[0], `| ${cells.join(' | ')} |`]));
  written.set(row.name, line);
  const lines = tables[table]!.flatMap(({ name }) => written.get(name) ?? []);
  const path = page.pathname;
  const options = { ...(await resolveConfig(path)), filepath: path };
  await writeFile(page, await format(withTable(text, table, lines), options));
}
