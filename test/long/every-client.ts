/** Every client at every server over every transport under every shipped policy takes every step, and writes the table of
 *  docs/clients.md. A case is a cell, and fails with a step that nothing explains. */
import { allCells, runCells, someCells, type Result } from '../interop/every-client/all.ts';
import type { Explained } from '../interop/every-client/cells.ts';
import { clientsPart, tableOf } from '../interop/every-client/table.ts';
import { writePart } from '../support/page-part.ts';
import type { LongRun } from './long-run.ts';

/** More wait for each other than run. */
const atOnce = 6;

export const longRun: LongRun = {
  name: 'every-client',
  summary:
    'clients at three servers over their transports under the shipped policies; all of them write the page',
  unit: 'cells',
  count: allCells().length,
  async run({ count, seed, progress }) {
    const whole = count >= allCells().length;
    const cells = whole ? allCells() : someCells(count, seed);
    const results = await runCells(cells, atOnce, progress);
    const failures = results.flatMap((result) => [
      ...(result.error === undefined ? [] : [`${placeOf(result)}: ${result.error}`]),
      ...told(result, ({ because }) => because === 'unexplained'),
    ]);
    if (whole && failures.length === 0) writePart(clientsPart, tableOf(results));
    const notes = results.flatMap((result) => told(result, ({ outcome }) => outcome !== 'works'));
    const all = results.flatMap(({ findings }) => findings);
    const figures: Record<string, number | string> = { cells: cells.length, steps: all.length };
    for (const [because, of] of Map.groupBy(all, (finding) => finding.because)) figures[because] = of.length;
    figures['works when tried again'] = all.filter(({ again }) => again === true).length;
    for (const [at, note] of notes.entries()) figures[`note ${at + 1}`] = note;
    return { figures, failures };
  },
};

function placeOf({ cell }: Result): string {
  return `${cell.client.name} at ${cell.server.name} over ${cell.transport} under ${cell.policy}`;
}

function told(result: Result, which: (finding: Explained) => boolean): string[] {
  const place = placeOf(result);
  return result.findings
    .filter(which)
    .map(({ step, outcome, because, rules, error = '' }) =>
      [`${place}, ${step}: ${outcome}`, because, ...rules, error.slice(0, 500)].join(', '),
    );
}
