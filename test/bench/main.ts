/** `npm run bench -- NAME… [--against REV] [--rounds N] [--json]`: what the hot paths cost, each in relation to a
 *  yardstick of the same run. `npm run bench -- all` runs everything and writes docs/benchmarks.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benches, comparing } from './benches.ts';
import { checkOut, describeCommit, workingTree } from './checkout.ts';
import { describeMachine } from './machine.ts';
import { writePage, type Run } from './page.ts';
import { runAhead } from './pinned.ts';
import { table } from './print.ts';
import type { Bench, BenchContext, Row } from './row.ts';

const page = join(workingTree.root, 'docs/benchmarks.md');

function usage(problem: string): never {
  console.error(`${problem}

usage: npm run bench -- all
         runs everything and writes docs/benchmarks.md
       npm run bench -- NAME… [--against REV] [--rounds N] [--json]
         prints rows only

  NAME            ${benches.map(({ name }) => name).join(', ')}
  --against REV   compares this tree with another revision: ${comparing.map(({ name }) => name).join(', ')}
  --rounds N      fewer rounds, to see that it runs, or more
  --json          prints rows as JSON`);
  process.exit(64);
}

interface Request {
  readonly all: boolean;
  readonly chosen: readonly Bench[];
  readonly revision: string | undefined;
  readonly rounds: number | undefined;
  readonly json: boolean;
}

function readRequest(): Request {
  const { values, positionals } = parseArgs({
    options: {
      against: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const all = positionals.includes('all');
  const unknown = positionals.find((name) => name !== 'all' && !benches.some((bench) => bench.name === name));
  if (unknown !== undefined) usage(`no bench ${unknown}`);
  if (positionals.length === 0) usage('which bench?');
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isSafeInteger(rounds) && rounds > 0))
    usage('--rounds takes a whole number');
  const chosen = all ? benches : benches.filter(({ name }) => positionals.includes(name));
  const revision = values.against;
  const single = chosen.find((bench) => revision !== undefined && !comparing.includes(bench));
  if (single !== undefined) usage(`${single.name} cannot be compared with another revision`);
  return { all, chosen, revision, rounds, json: values.json };
}

async function runAll(chosen: readonly Bench[], context: BenchContext): Promise<Run> {
  const machine = describeMachine();
  const started = performance.now();
  const results: Run['results'][number][] = [];
  for (const bench of chosen) {
    if (chosen.length > 1) console.error(`${bench.name} …`);
    results.push({ bench, rows: await bench.run(context) });
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: describeCommit(),
    machine,
    seconds: (performance.now() - started) / 1_000,
    results,
  };
}

function print(machine: Run['machine'], rows: readonly Row[], json: boolean): void {
  if (json) console.log(JSON.stringify({ machine, rows }, null, 2));
  else {
    console.log(Object.values(machine).join(', '));
    console.table(table(rows));
  }
}

const { all, chosen, revision, rounds, json } = readRequest();
const code = await runAhead();
if (code !== undefined) process.exit(code);
await using against = revision === undefined ? undefined : await checkOut(revision);
const run = await runAll(chosen, { rounds, against });
if (all) {
  writeFileSync(page, await writePage(run, existsSync(page) ? readFileSync(page, 'utf8') : ''));
  console.log(`docs/benchmarks.md: written in ${Math.round(run.seconds)} s`);
} else {
  print(
    run.machine,
    run.results.flatMap((result) => result.rows),
    json,
  );
}
