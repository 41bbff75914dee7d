/** `narthex ledger verify | show | diff`: reads the exposure ledger of a proxy, of one process or of many. */
import { type Command, Option } from 'commander';
import { findingMeanings } from '../ledger/findings.ts';
import { compareSummaries, type LedgerSummary, type SummaryRow, type TimeRange } from '../ledger/summary.ts';
import type { Finding, LedgerVerification } from '../ledger/verify.ts';
import type { Head } from '../ledger/writer.ts';
import { readLedger, type ReadLedger } from '../app/tools/ledger.ts';
import { exitCodes } from '../errors/exit.ts';
import { processIo, type CommandIo } from './command-io.ts';
import { misused } from './input-error.ts';

interface Common {
  readonly key?: string;
  readonly format: 'text' | 'json';
}

const help = `
The folder holds the files of one or of several processes (\`ledger.recordsFolder\`). Each is verified before anything is shown.
--key is the public key of the ledger; without it hashes are checked and signatures are not.

Examples:
  $ narthex ledger verify /var/lib/narthex/ledger --key ledger.pub.pem
  $ narthex ledger show /var/lib/narthex/ledger --from 2026-11-29T10:00Z --to 2026-11-29T11:00Z
  $ narthex ledger diff /var/lib/narthex/ledger --between UK1B x72r

A digest that begins with a hyphen is given as --between=-x72.

Exit codes: 0 the ledger is whole (diff: no difference), 1 it is not (diff: there is a difference), 64 wrong usage, 65 no
such key, 66 no such folder.`;

/** Adds the subcommand. */
export function register(program: Command, io: CommandIo = processIo()): void {
  const group = program
    .command('ledger')
    .summary('verify and read the record of what each audience was shown')
    .description('Which field appeared to which audience, how often and under which policy.')
    .addHelpText('after', help);
  const add = (name: string, summary: string): Command =>
    group
      .command(`${name} <folder>`)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .option('--key <file>', "the ledger's public key, an Ed25519 key in PEM form")
      .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
      .addHelpText('after', help);

  add('verify', 'find records that were changed, removed, inserted or moved')
    .option('--head <stream:record:hash>', 'the end of a stream as it was kept elsewhere')
    .action(async (folder: string, options: Common & { head?: string }) => {
      process.exitCode = await verifyCommand(folder, options, io);
    });
  add('show', 'sum up what was shown in a time, and under which policies')
    .option('--from <time>', 'from this time on, ISO 8601')
    .option('--to <time>', 'up to this time, ISO 8601')
    .option('--policy <digest>', 'only under the policy whose digest begins so')
    .action(async (folder: string, options: ShowOptions) => {
      process.exitCode = await showCommand(folder, options, io);
    });
  add('diff', 'compare what was shown under two policies')
    .requiredOption('--between <digests...>', 'the beginnings of the digests of two policies')
    .action(async (folder: string, options: Common & { between: string[] }) => {
      process.exitCode = await diffCommand(folder, options, io);
    });
}

interface ShowOptions extends Common {
  readonly from?: string;
  readonly to?: string;
  readonly policy?: string;
}

/** Verifies a folder, and prints the findings.
 *  @returns the exit code
 *  @throws InputError ERR_OPTION; LedgerUnusable */
export async function verifyCommand(
  folder: string,
  options: Common & { readonly head?: string },
  io: CommandIo,
): Promise<number> {
  const head = options.head === undefined ? undefined : parseHead(options.head);
  const { verification } = await readLedger({ folder, keyFile: options.key, head, summaries: [] });
  if (options.format === 'json') io.write(`${JSON.stringify(verification)}\n`);
  else io.write(renderVerification(verification, options.key !== undefined));
  return verification.findings.length === 0 ? exitCodes.ok : exitCodes.negative;
}

/** Prints what was in force and what was shown.
 *  @returns the exit code
 *  @throws InputError ERR_OPTION; LedgerUnusable */
export async function showCommand(folder: string, options: ShowOptions, io: CommandIo): Promise<number> {
  const range: TimeRange = {
    from: parseTime('--from', options.from, 0),
    to: parseTime('--to', options.to, Infinity),
  };
  const policyDigest = options.policy === undefined ? undefined : parseDigest('--policy', options.policy);
  const read = await readLedger({ folder, keyFile: options.key, summaries: [{ range, policyDigest }] });
  const summary = read.summaries[0]!;
  if (options.format === 'json')
    io.write(`${JSON.stringify({ findings: read.verification.findings, ...summary })}\n`);
  else io.write(renderFindings(read.verification.findings) + renderSummary(summary));
  return exitOf(read);
}

/** Prints what occurred under one of two policies only.
 *  @returns the exit code
 *  @throws InputError ERR_OPTION; LedgerUnusable */
export async function diffCommand(
  folder: string,
  options: Common & { readonly between: readonly string[] },
  io: CommandIo,
): Promise<number> {
  const digests = options.between.map((digest) => parseDigest('--between', digest));
  if (digests.length !== 2) throw misused('--between takes the digests of two policies');
  const range = { from: 0, to: Infinity };
  const read = await readLedger({
    folder,
    keyFile: options.key,
    summaries: digests.map((policyDigest) => ({ range, policyDigest })),
  });
  const [before, after] = read.summaries as [LedgerSummary, LedgerSummary];
  const changes = compareSummaries(before, after);
  if (options.format === 'json')
    io.write(`${JSON.stringify({ findings: read.verification.findings, changes })}\n`);
  else
    io.write(
      renderFindings(read.verification.findings) +
        renderTable(
          ['gatekeeper', 'audience', 'field', 'treatment', 'mode', 'before', 'after'],
          changes.map((row) => Object.values(row).map(String)),
        ),
    );
  return exitOf(read) === exitCodes.ok && changes.length === 0 ? exitCodes.ok : exitCodes.negative;
}

function exitOf({ verification }: ReadLedger): number {
  return verification.findings.length === 0 ? exitCodes.ok : exitCodes.negative;
}

function parseHead(text: string): Head {
  const parts = /^([0-9a-f]{16}):([1-9]\d{0,14}):([\w-]{43})$/.exec(text);
  if (parts === null)
    throw misused('--head is no head of a ledger: STREAM:RECORD:HASH, as `verify` prints it');
  return { stream: parts[1]!, n: Number(parts[2]), hash: parts[3]! };
}

function parseTime(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw misused(`${option} is no time in ISO 8601, such as 2026-11-29T10:00Z`);
  return time;
}

function parseDigest(option: string, text: string): string {
  if (!/^[\w-]{4,43}$/.test(text))
    throw misused(`${option} takes at least four characters of a digest, as \`ledger show\` prints it`);
  return text;
}

function renderVerification({ streams, findings }: LedgerVerification, isSigned: boolean): string {
  const lines = streams.map(({ stream, first, last, records, checkpoints, tornBytes, isClosed }) => {
    const notes = [
      `${records} records`,
      ...(first > 1 ? [`the first is number ${first}`] : []),
      `${checkpoints} checkpoints${isSigned ? '' : ' not verified: no --key'}`,
      ...(tornBytes > 0 ? [`${tornBytes} bytes of an unfinished line at the end`] : []),
      ...(isClosed ? [] : ['not closed: still running, or killed']),
    ];
    // After a line that is no record the stream has no end that could be kept elsewhere.
    const head = last.hash === '' ? stream : `${stream}:${last.n}:${last.hash}`;
    return `${head}  ${notes.join(', ')}\n`;
  });
  const verdict = findings.length === 0 ? 'whole\n' : '';
  return lines.join('') + renderFindings(findings) + verdict;
}

function renderFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ code, stream, file, line, records: [first, last] }) => {
      const place = file === '' ? stream : line === 0 ? file : `${file}:${line}`;
      const which = first >= last ? `record ${first}` : `records ${first} to ${last}`;
      return `${place}: ${code}: ${which}: ${findingMeanings[code]}\n`;
    })
    .join('');
}

function renderSummary({ inForce, rows, gaps, overflow }: LedgerSummary): string {
  const policies = inForce.map(
    ({ since, gatekeeper, policy, policyDigest, mode, catalogueDigest, profilesDigest, version, build }) => {
      const digests = [
        `catalogue ${catalogueDigest.slice(0, 12)}`,
        profilesDigest === undefined ? 'no profiles' : `profiles ${profilesDigest.slice(0, 12)}`,
        `version ${version} build ${build.slice(0, 12)}`,
      ];
      return `${since}  ${gatekeeper}: policy ${policy} ${policyDigest.slice(0, 12)}, ${mode}, ${digests.join(', ')}\n`;
    },
  );
  const table = renderTable(
    ['gatekeeper', 'audience', 'field', 'treatment', 'mode', 'count', 'bytes', 'sessions'],
    rows.map((row) => [
      row.gatekeeper,
      row.audience,
      row.field,
      row.treatment,
      row.mode,
      String(row.count),
      String(row.bytes),
      sessionsOf(row),
    ]),
  );
  const notes = gaps.map(
    ({ stream, from, to, cause }) => `not written from ${from} to ${to}: ${cause}, ${stream}\n`,
  );
  const rest = overflow === 0 ? '' : `${overflow} decisions were not kept apart\n`;
  return [...policies, table, ...notes, rest].join('');
}

function sessionsOf({ sessionsAtLeast, sessionsAtMost }: SummaryRow): string {
  return sessionsAtLeast === sessionsAtMost
    ? String(sessionsAtLeast)
    : `${sessionsAtLeast} to ${sessionsAtMost}`;
}

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  return [head, ...rows]
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
