/** `npm run scenarios -- FOLDER [--server NAME] [--policy NAME|direct]…`: plays the scansion scripts of a folder straight at
 *  a server and under each policy, and prints which pass, and the rules by which others fail. Exits with 1 when a script that passes directly does not pass
 *  under `passthrough`, with 64 on a usage error. */
import { parseArgs } from 'node:util';
import { ejabberd, prosody, prosody13, type ServerKind } from '../peers/servers.ts';
import { readFolder, type NamedScript } from './folder.ts';
import { columns, explainLosses, lossesOf, passes, playAll, reasonOf, type Row } from './losses.ts';
import { openVenue, type Venue } from './venue.ts';

const servers: Readonly<Record<string, ServerKind>> = { prosody, 'prosody-13': prosody13, ejabberd };
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
  const open = (scripts: readonly NamedScript[], takes: number): Promise<Venue> =>
    openVenue(server, folder, scripts, takes);
  const venue = await open(scripts, columns.length);
  const rows = await playAll(venue, scripts, columns, atOnce);
  await venue.close();
  for (const row of rows) print(row, columns);
  const losses = lossesOf(rows);
  for (const loss of await explainLosses(open, losses, atOnce))
    console.log(`${loss.script.name} fails under ${loss.policy}: ${reasonOf(loss)}`);
  const totals = columns.map(
    (column) => `${column} ${rows.filter(({ failures }) => passes(failures, column)).length}`,
  );
  console.log(`${server.name}, ${scripts.length} scripts; passed: ${totals.join(', ')}`);
  return !losses.some(({ policy }) => policy === 'passthrough');
}

function print({ script, failures }: Row, columns: readonly string[]): void {
  const words = columns.map((column) => word(failures, column).padEnd(12));
  console.log(`${script.name.padEnd(32)} ${words.join('')}`);
  for (const [column, failure] of failures)
    if (failure !== undefined) console.log(`  ${column}, line ${failure.line}: ${failure.reason}`);
}

function word(failures: Row['failures'], column: string): string {
  if (!failures.has(column)) return 'not played';
  return passes(failures, column) ? 'passes' : 'fails';
}

const ordered = order() ?? usage();
process.exit((await run(ordered)) ? 0 : 1);
