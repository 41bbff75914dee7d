/** A process that writes a ledger as fast as it can, and prints what is on disk after each interval:
 *  `STREAM RECORD COUNT`, where COUNT is the sum of its decisions that are on record. With `--end N` it ends in order after
 *  N intervals; without, it runs until it is killed.
 *
 *      node ledger-process.ts FOLDER KEY FILE-BYTES KEEP-BYTES ROWS [--end N] */
import { writeSync } from 'node:fs';
import { Ledger } from '../../src/app/parts/ledger.ts';
import type { InForce } from '../../src/ledger/body.ts';

const [folder, keyFile, fileBytes, keepBytes, rows, , end = 'Infinity'] = process.argv.slice(2);
let count = 0;
let policy = 'a';

const inForce = (): readonly InForce[] => [
  {
    kind: 'in-force',
    gatekeeper: 'main',
    policy: `policy-${policy}`,
    policyDigest: policy.repeat(43),
    mode: 'enforce',
    catalogueDigest: 'c'.repeat(43),
  },
];

const ledger = await Ledger.open(
  {
    recordsFolder: folder!,
    keyFile: keyFile!,
    intervalMs: 3_600_000,
    fileBytesMax: Number(fileBytes),
    fileAgeMsMax: 86_400_000,
    keepBytesMax: Number(keepBytes),
    keepMsMax: 86_400_000,
    whenItFails: 'continue-and-alarm',
  },
  {
    source: {
      overflow: 0,
      startInterval: () => {},
      totals: () =>
        Array.from({ length: Number(rows) }, (_, index) => ({
          gatekeeper: 'main',
          audience: 'gatekeeper',
          field: `field-${index}`,
          treatment: 'drop',
          mode: 'enforced' as const,
          count,
          sessions: 1,
        })),
    },
    inForce,
    report: (failure) => {
      if (failure !== undefined) throw new Error(failure.cause);
    },
    now: Date.now,
  },
);

for (let interval = 1; interval <= Number(end); interval += 1) {
  count += 1;
  if (interval % 7 === 0) {
    policy = policy === 'a' ? 'b' : 'a';
    ledger.changed();
  }
  await ledger.endInterval();
  writeSync(1, `${ledger.head.stream} ${ledger.head.n} ${count * Number(rows)}\n`);
}
await ledger.close();
