/** docs/benchmarks.md: a run of everything, as Markdown. */
import { format } from 'prettier';
import type { Machine } from './machine.ts';
import { surplusNotes } from './notes.ts';
import { ratio, spread, table, verdict } from './print.ts';
import type { Bench, Row } from './row.ts';

/** A finished run of all benches. */
export interface Run {
  /** ISO date. */
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly results: readonly {
    readonly bench: Pick<Bench, 'name' | 'summary'>;
    readonly rows: readonly Row[];
  }[];
}

/** Rows whose ratios are kept from run to run, and how the table of runs calls them. */
const headlines: Readonly<Record<string, string>> = {
  'relay: narthex passthrough, chat, saturated': 'passthrough, saturated',
  'relay: narthex passthrough, chat, 2500/s': 'passthrough, 2500/s',
  'relay: narthex balanced, capabilities, chat, saturated': 'balanced, saturated',
  'relay: narthex strict, capabilities, chat, saturated': 'strict, saturated',
  'accept: the listener with SYN, JA4 and attestation': 'accept',
  'idle: narthex passthrough': 'idle memory',
};
const headlineBytes = 300;
const runsMax = 12;
const runsTitle = '## Runs';

/** Writes the page. The table of runs gets a line, and keeps those of the page before. */
export async function writePage(run: Run, previous: string): Promise<string> {
  const rows = run.results.flatMap((result) => result.rows);
  const { cpu, kernel, node, openssl, load } = run.machine;
  const notes = surplusNotes(rows);
  const text = [
    '# Benchmarks',
    `<!-- Written by \`npm run bench -- all\`: do not edit. -->`,
    `One run on ${run.date} of commit ${run.commit}, in ${Math.round(run.seconds / 60)} minutes. ` +
      `Machine: ${cpu}; ${kernel}; ${node}, ${openssl}; ${load} before.`,
    'Figures and ratios are medians, with the quartiles in parentheses. A ratio compares figures of the same short round ' +
      'and can be compared between runs; microseconds of different runs cannot. `narthex` is `narthex serve` as it ships, ' +
      'on one processor; the load generator has another.',
    '## Aims',
    markdownTable(rows.filter(({ aim }) => aim !== undefined).map(aimCells)),
    ...(notes.length === 0 ? [] : ['## Where the surplus is', notes.map((note) => `- ${note}`).join('\n')]),
    runsTitle,
    `Ratios to the yardstick, messages of ${headlineBytes} bytes.`,
    markdownTable([runCells(run, rows), ...earlierRuns(previous)].slice(0, runsMax)),
    ...run.results.flatMap(({ bench, rows: own }) => [
      `## ${bench.name}`,
      bench.summary,
      markdownTable(table(own)),
    ]),
  ].join('\n\n');
  return format(text, { parser: 'markdown', proseWrap: 'preserve', printWidth: 110 });
}

type Cells = Readonly<Record<string, string>>;

function aimCells(row: Row): Cells {
  const bytes = row.byteLength === 0 ? '' : `, ${row.byteLength} B`;
  return { row: row.name + bytes, to: row.yardstick, ratio: ratio(row), aim: verdict(row) };
}

function runCells({ date, commit }: Run, rows: readonly Row[]): Cells {
  const cells = Object.entries(headlines).map(([name, title]) => {
    const row = rows.find(
      (each) => each.name === name && [0, headlineBytes].includes(each.byteLength) && each.aim !== undefined,
    );
    const digits = (value: number): string => value.toFixed(2);
    return [title, row?.ratio === undefined ? '' : spread(row.ratio, digits)];
  });
  return { date, commit, ...Object.fromEntries(cells) };
}

/** Lines of the table of runs, newest first; titles that are no longer used are left out. */
export function earlierRuns(page: string): Cells[] {
  const [, section = ''] = page.split(`${runsTitle}\n`);
  const lines = section
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const [titles = [], , ...rest] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rest.map((cells) => Object.fromEntries(titles.map((title, index) => [title, cells[index] ?? ''])));
}

function markdownTable(rows: readonly Cells[]): string {
  const titles = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(titles),
    line(titles.map(() => '---')),
    ...rows.map((row) => line(titles.map((title) => row[title] ?? ''))),
  ].join('\n');
}
