/** `npm run long -- NAME [--count N] [--seed S]`: runs one long run and prints its figures; without a name, lists them.
 *  Exits with 1 when a case failed, with 64 on a usage error. */
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LongRun } from './long-run.ts';

const notRuns = new Set(['main.ts', 'long-run.ts']);

/** Loads every long run of this folder: each file but this one exports its run as `longRun`. */
async function loadLongRuns(): Promise<LongRun[]> {
  const files = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts') && !notRuns.has(file))
    .toSorted();
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, import.meta.url).href) as Promise<{ longRun: LongRun }>),
  );
  return modules.map(({ longRun }) => longRun);
}

/** Reads a positive whole number, or ends the process with a usage error. */
function wholeNumber(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${option} takes a positive whole number`);
  process.exit(64);
}

const { values, positionals } = parseArgs({
  options: { count: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const longRuns = await loadLongRuns();
const longRun = longRuns.find(({ name }) => name === positionals[0]);
if (longRun === undefined || positionals.length !== 1) {
  console.error('usage: npm run long -- NAME [--count N] [--seed S]\n');
  for (const { name, summary, count, unit } of longRuns) {
    console.error(`  ${name.padEnd(20)} ${summary} (${count.toLocaleString('en')} ${unit})`);
  }
  process.exit(64);
}

const count = wholeNumber('count', values.count, longRun.count);
const seed = wholeNumber('seed', values.seed, Math.floor(Math.random() * 2 ** 31) + 1);
const started = performance.now();
let reported = started;
console.log(
  `${longRun.name}: ${count.toLocaleString('en')} ${longRun.unit}, seed ${seed}, node ${process.version}`,
);
const { figures, failures } = await longRun.run({
  count,
  seed,
  progress: (done) => {
    const now = performance.now();
    if (now - reported < 5000) return;
    reported = now;
    console.log(`  ${done.toLocaleString('en')} of ${count.toLocaleString('en')}`);
  },
});
const seconds = ((performance.now() - started) / 1000).toFixed(1);
for (const [name, figure] of Object.entries(figures)) console.log(`${name}: ${figure}`);
for (const failure of failures.slice(0, 20)) console.error(`FAILED ${failure}`);
console.log(
  `${new Date().toISOString().slice(0, 10)} ${longRun.name}: ${failures.length} failures in ${seconds} s`,
);
process.exit(failures.length === 0 ? 0 : 1);
