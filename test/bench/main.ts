/** `npm run bench [-- --json] [name…]`: what the hot paths cost, each in relation to a yardstick of the same run. */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { acceptBench } from './accept.ts';
import { capabilitiesBench } from './capabilities.ts';
import { mediaBench } from './media.ts';
import { policyBench } from './policy.ts';
import { relayBench } from './relay.ts';
import { canonicalBench, scannerBench } from './scanner.ts';
import type { Bench, Row } from './row.ts';

const benches: readonly Bench[] = [
  scannerBench,
  canonicalBench,
  policyBench,
  capabilitiesBench,
  relayBench,
  acceptBench,
  mediaBench,
];

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
};

const rows: Row[] = [];
for (const bench of benches) {
  if (positionals.length > 0 && !positionals.some((name) => bench.name.includes(name))) continue;
  rows.push(...(await bench.run()));
}
if (values.json) console.log(JSON.stringify({ machine, rows }, null, 2));
else {
  console.log(`${machine.cpu}, ${machine.cores} cores, node ${machine.node}, ${machine.platform}`);
  console.table(
    rows.map(({ name, byteLength, figure, ratio, yardstick, aim }) => ({
      row: name,
      bytes: byteLength,
      figure,
      ratio: ratio.toFixed(3),
      to: yardstick,
      aim: aim === undefined ? '' : `<= ${aim}`,
    })),
  );
}
