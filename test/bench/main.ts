/** `npm run bench -- NAME… [--against REV] [--rounds N] [--json]`: what the hot paths cost, each in relation to a
 *  yardstick of the same run. */
import { parseArgs } from 'node:util';
import { acceptBench } from './accept.ts';
import { capabilitiesBench } from './capabilities.ts';
import { chatBench } from './chat.ts';
import { checkOut } from './checkout.ts';
import { describeMachine } from './machine.ts';
import { mediaBench } from './media.ts';
import { pinBench } from './pinned.ts';
import { policyBench } from './policy.ts';
import { table } from './print.ts';
import { relayBench } from './relay.ts';
import type { Bench, Row } from './row.ts';
import { canonicalBench, scannerBench } from './scanner.ts';

const benches: readonly Bench[] = [
  relayBench,
  acceptBench,
  policyBench,
  capabilitiesBench,
  scannerBench,
  canonicalBench,
  chatBench,
  mediaBench,
];
/** Those that can measure another revision in the same run. */
const comparing: readonly Bench[] = [relayBench, policyBench, acceptBench];

function usage(problem: string): never {
  console.error(`${problem}

usage: npm run bench -- NAME… [--against REV] [--rounds N] [--json]
  NAME            ${benches.map(({ name }) => name).join(', ')}
  --against REV   compares this tree with another revision: ${comparing.map(({ name }) => name).join(', ')}
  --rounds N      fewer rounds, to see that it runs; figures mean little then
  --json          prints rows as JSON`);
  process.exit(64);
}

const { values, positionals } = parseArgs({
  options: {
    against: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !benches.some((bench) => bench.name === name));
if (unknown !== undefined) usage(`no bench ${unknown}`);
if (positionals.length === 0) usage('which bench?');
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isSafeInteger(rounds) && rounds > 0))
  usage('--rounds takes a whole number');
const chosen = benches.filter(({ name }) => positionals.includes(name));
const single = chosen.find((bench) => values.against !== undefined && !comparing.includes(bench));
if (single !== undefined) usage(`${single.name} cannot be compared with another revision`);

pinBench();
await using against = values.against === undefined ? undefined : await checkOut(values.against);
const rows: Row[] = [];
for (const bench of chosen) rows.push(...(await bench.run({ rounds, against })));
if (values.json) console.log(JSON.stringify({ machine: describeMachine(), rows }, null, 2));
else {
  console.log(Object.values(describeMachine()).join(', '));
  console.table(table(rows));
}
