/** `npm run scenarios -- FOLDER [--server NAME] [--policy NAME|direct]…`: plays the scansion scripts of a folder straight at
 *  a server and under each policy, and prints which pass. Exits with 1 when a script that passes directly does not pass
 *  under `passthrough`, with 64 on a usage error. */
import { parseArgs } from 'node:util';
import { ejabberd, prosody, prosody13, type ServerKind } from '../peers/servers.ts';
import { inTurns } from '../support/in-turns.ts';
import { openVenue, readFolder, type Result, type Run } from './folder.ts';

const servers: Readonly<Record<string, ServerKind>> = { prosody, 'prosody-13': prosody13, ejabberd };
const columns = ['direct', 'passthrough', 'balanced', 'strict'];
/** How many scripts are played at once. */
const atOnce = 4;

interface Order {
  readonly folder: string;
  readonly server: ServerKind;
  readonly columns: readonly string[];
}

/** Returns what the arguments ask, or undefined. */
function order(): Order | undefined {
  const { values, positionals } = parseArgs({
    options: {
      server: { type: 'string', default: 'prosody-13' },
      policy: { type: 'string', multiple: true },
    },
    allowPositionals: true,
  });
  const [folder, more] = positionals;
  const server = servers[values.server];
  if (folder === undefined || more !== undefined || server === undefined) return undefined;
  return { folder, server, columns: values.policy ?? columns };
}

function usage(): never {
  const [kinds, policies] = [Object.keys(servers).join('|'), columns.join('|')];
  console.error(`usage: npm run scenarios -- FOLDER [--server ${kinds}] [--policy ${policies}|FILE]…`);
  process.exit(64);
}

/** Plays and prints. Returns whether the proxy lost nothing that it may not. */
async function run({ folder, server, columns }: Order): Promise<boolean> {
  const scripts = readFolder(folder);
  const runs: Run[] = scripts.flatMap((script) =>
    columns.map((column) => ({ script, policy: column === 'direct' ? undefined : column })),
  );
  const venue = await openVenue(server, folder, runs);
  const results = await inTurns(runs, atOnce, (run) => venue.play(run));
  await venue.close();
  const of = (row: number): readonly Result[] =>
    results.slice(row * columns.length, (row + 1) * columns.length);
  const passes = (row: number, column: string): boolean | undefined => {
    const index = columns.indexOf(column);
    return index === -1 ? undefined : of(row)[index]!.failure === undefined;
  };
  for (const [row, { name }] of scripts.entries()) {
    console.log(
      `${name.padEnd(32)} ${columns.map((column) => word(passes(row, column)).padEnd(12)).join('')}`,
    );
    for (const [index, { failure }] of of(row).entries())
      if (failure !== undefined) console.log(`  ${columns[index]}, line ${failure.line}: ${failure.reason}`);
  }
  const totals = columns.map(
    (column) => `${column} ${scripts.filter((_, row) => passes(row, column)).length}`,
  );
  console.log(`${server.name}, ${scripts.length} scripts; passed: ${totals.join(', ')}`);
  return !scripts.some((_, row) => passes(row, 'direct') === true && passes(row, 'passthrough') === false);
}

function word(passed: boolean | undefined): string {
  return passed === true ? 'passes' : 'fails';
}

const ordered = order() ?? usage();
process.exit((await run(ordered)) ? 0 : 1);
