/** `narthex audit`, with `narthex audit [recording] RECORDING…` and `narthex policy buckets RECORDING…`: how identifiable the clients of a recording
 *  are, before and after a policy, and the sizes to pad to that leak least. */
import { stat } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Leakage } from '../audit/buckets.ts';
import { auditDocument, auditTable } from '../audit/document.ts';
import { auditReport } from '../audit/report.ts';
import { groupsMax } from '../audit/size-counts.ts';
import { formatSize } from '../policy/quantity.ts';
import { bucketsMax } from '../policy/schema.ts';
import { renderHtml } from '../reports/html.ts';
import { renderCsv, renderMarkdown, renderText } from '../reports/render.ts';
import { openCatalogue, openPolicy } from '../app/files/policies.ts';
import { auditRecordings, type AuditProgress } from '../app/tools/audit.ts';
import { computeBuckets, type BucketAnswer, type BucketFigures } from '../app/tools/buckets.ts';
import { RecordingMissing } from '../app/tools/recorded-streams.ts';
import { openPolicyDocument } from '../app/tools/report-inputs.ts';
import { RecordingUnusable } from '../recording/read.ts';
import { registerCanaries } from './audit-canaries.ts';
import { processIo, type CommandIo } from './command-io.ts';
import { InputError, requireOneInput, unreadable } from './input-error.ts';

const formats = ['text', 'markdown', 'csv', 'json', 'html'] as const;

interface AuditCommand {
  readonly policy: string;
  readonly against?: string;
  readonly catalogue: string[];
  readonly from: 'client' | 'gatekeeper';
  readonly format: (typeof formats)[number];
  readonly progress?: boolean;
}

const help = `
RECORDING is what \`narthex serve --record\` has written, or a file of plain XML: one direction of one stream, or of
several one after the other. - is standard input. Each session counts as one client. docs/audit.md explains the figures.

Examples:
  $ narthex audit office.recording --policy balanced
  $ narthex audit office.recording --policy balanced --against house.yaml --format html > audit.html
  $ narthex audit clients.xml --from client --policy strict --format json

Exit codes: 0 printed, 64 wrong usage, 65 a recording or a document cannot be read, 66 no such file.`;

/** Adds `narthex audit` and its subcommands. */
export function register(program: Command): void {
  const audit = program
    .command('audit')
    .summary('measure what is learned from what a proxy lets through')
    .description('Measures what is learned from what a proxy lets through.');
  registerRecording(audit);
  registerCanaries(audit);
}

/** Adds the subcommand, which is meant where none is named.
 *  @param group the command `audit` */
export function registerRecording(group: Command, io: CommandIo = processIo()): void {
  group
    .command('recording', { isDefault: true })
    .summary('how identifiable the clients of a recording are, before and after a policy')
    .description('How identifiable the clients of a recording are, before and after a policy.')
    .argument('<recording...>', 'recordings, or files of plain XML')
    .requiredOption('--policy <policy>', 'a file, or the name of a shipped policy')
    .option('--against <policy>', 'a second policy, to compare with')
    .addOption(
      new Option('--catalogue <path...>', 'entries in addition to the shipped catalogue').default([], 'none'),
    )
    .addOption(
      new Option('--from <sender>', 'who sends the streams of plain XML')
        .choices(['client', 'gatekeeper'])
        .default('client'),
    )
    .addOption(new Option('--format <format>', 'how to print').choices(formats).default('text'))
    .option('--progress', 'print how far it is, also where standard error is no terminal')
    .addHelpText('after', help)
    .action(async (files: string[], options: AuditCommand) => {
      io.write(await audit(files, options));
    });
}

/** Makes the garbage collector prefer little memory to speed: what is kept is bounded, so that what is not collected would
 *  be most of the memory. Takes a third more time, and less than half of the memory. */
function preferLittleMemory(): void {
  for (const flag of ['--optimize-for-size', '--max-semi-space-size=1', '--semi-space-growth-factor=1'])
    setFlagsFromString(flag);
}

async function audit(files: readonly string[], options: AuditCommand): Promise<string> {
  preferLittleMemory();
  const { policy, against, from, format } = options;
  requireOneInput([...files, policy, against, ...options.catalogue]);
  const catalogue = openCatalogue(options.catalogue);
  const policies = [policy, ...(against === undefined ? [] : [against])].map(openPolicyDocument);
  const shows = options.progress === true || process.stderr.isTTY;
  const figures = await explained(
    auditRecordings({
      files,
      catalogue,
      policies,
      direction: from === 'client' ? 'to-gatekeeper' : 'to-client',
      clock: Date.now,
      progress: shows ? progressLine(await bytesOf(files)) : () => {},
    }),
  );
  const report = auditReport(figures, policies, { ...figures, files });
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  if (format === 'csv') return renderCsv(auditTable(report));
  const renderers = { text: renderText, markdown: renderMarkdown, html: renderHtml };
  return renderers[format](auditDocument(report));
}

/** Turns errors of recordings into those of the command line. @throws InputError */
async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RecordingMissing) throw unreadable(error.file);
    if (!(error instanceof RecordingUnusable)) throw error;
    const { code, file, line, reason } = error;
    throw new InputError([{ code, message: reason, place: `${file}:${line}:1` }]);
  }
}

/** Returns the bytes of all files together; undefined when that is not known. */
async function bytesOf(files: readonly string[]): Promise<number | undefined> {
  try {
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return undefined;
  }
}

/** Milliseconds between two lines of progress. */
const progressEveryMs = 1_000;

/** Returns a function that prints at most one line each second.
 *  @param total bytes of all files; undefined when that is not known */
function progressLine(total: number | undefined): (state: AuditProgress) => void {
  let next = Date.now() + progressEveryMs;
  return ({ bytes, stanzas, sessions }) => {
    if (Date.now() < next) return;
    next = Date.now() + progressEveryMs;
    const share =
      total === undefined ? `${bytes} bytes` : `${Math.floor((100 * bytes) / Math.max(total, 1))} %`;
    process.stderr.write(`narthex: ${share}, ${stanzas} stanzas, ${sessions} clients\n`);
  };
}

// ---- narthex policy buckets -------------------------------------------------------------------------------------------

interface BucketsCommand {
  readonly overhead: number;
  readonly by: Leakage;
  readonly audience: 'gatekeeper' | 'client';
  readonly policy?: string;
  readonly catalogue: string[];
  readonly format: 'text' | 'json';
  readonly progress?: boolean;
}

const bucketsHelp = `
Finds the sizes to pad to from which an observer learns least, by exact dynamic programming over the sizes in a recording, and
prints them as a line for a policy. RECORDING is as for \`narthex audit\`; a file of plain XML has the direction that the
audience receives. docs/audit.md explains the figures.

Examples:
  $ narthex policy buckets office.recording --overhead 25%
  $ narthex policy buckets office.recording --overhead 40% --by kind --policy balanced

Exit codes: 0 printed, 1 no sizes keep the overhead, 64 wrong usage, 65 a recording or a document cannot be read,
66 no such file.`;

/** Adds the subcommand.
 *  @param group the command `policy` */
export function registerBuckets(group: Command, io: CommandIo = processIo()): void {
  group
    .command('buckets')
    .summary('the sizes to pad to that leak least at an overhead, by a recording')
    .description('The sizes to pad to that leak least at an overhead, by a recording.')
    .argument('<recording...>', 'recordings, or files of plain XML')
    .requiredOption('--overhead <share>', 'bytes of padding allowed, such as 25%', overheadShare)
    .addOption(
      new Option('--by <leakage>', 'what the size must not reveal: the size itself, or the kind of stanza')
        .choices(['size', 'kind'])
        .default('size'),
    )
    .addOption(
      new Option('--audience <audience>', 'whose stanzas are padded')
        .choices(['gatekeeper', 'client'])
        .default('gatekeeper'),
    )
    .option('--policy <policy>', 'count the sizes that are left by this policy, and compare with its own')
    .addOption(
      new Option('--catalogue <path...>', 'entries in addition to the shipped catalogue').default([], 'none'),
    )
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--progress', 'print how far it is, also where standard error is no terminal')
    .addHelpText('after', bucketsHelp)
    .action(async (files: string[], options: BucketsCommand) => {
      io.write(await buckets(files, options));
    });
}

/** Parses a percentage. @throws InvalidArgumentError */
function overheadShare(text: string): number {
  if (/^\d{1,4}(\.\d{1,3})?%$/.test(text)) return Number.parseFloat(text) / 100;
  throw new InvalidArgumentError('It is a percentage such as 25%.');
}

async function buckets(files: readonly string[], options: BucketsCommand): Promise<string> {
  preferLittleMemory();
  const { policy, overhead, by, audience, format } = options;
  requireOneInput([...files, policy, ...options.catalogue]);
  const shows = options.progress === true || process.stderr.isTTY;
  const answer = await explained(
    computeBuckets({
      files,
      catalogue: openCatalogue(options.catalogue),
      policy: policy === undefined ? undefined : openPolicy(policy),
      direction: audience === 'gatekeeper' ? 'to-gatekeeper' : 'to-client',
      leakage: by,
      overhead,
      clock: Date.now,
      progress: shows ? progressLine(await bytesOf(files)) : () => {},
    }),
  );
  if (answer.computed === undefined) throw noBuckets(answer.stanzas, audience, overhead);
  const line = policyLine(answer.computed);
  if (format === 'json')
    return `${JSON.stringify({ audience, by, overheadMax: overhead, ...answer, line }, undefined, 2)}\n`;
  return bucketsText(answer, { audience, line, policy });
}

function noBuckets(stanzas: number, audience: string, overhead: number): InputError {
  const message =
    stanzas === 0
      ? `the recording has no stanza that the ${audience} receives`
      : `no ${bucketsMax} sizes keep an overhead of ${percentOf(overhead)}`;
  return new InputError([{ code: 'ERR_BUCKETS_NONE', message }]);
}

function policyLine({ buckets: sizes }: BucketFigures): string {
  return `content.wire-size: { pad: [${sizes.map(formatSize).join(', ')}] }`;
}

function bucketsText(
  answer: BucketAnswer,
  {
    audience,
    line,
    policy,
  }: { readonly audience: string; readonly line: string; readonly policy: string | undefined },
): string {
  const { sessions, stanzas, sizes, kinds, grain, without, computed, own } = answer;
  const rows = [
    ['no padding', without],
    ['these sizes', computed!],
    ...(own === undefined ? [] : [[`those of ${policy}`, own] as const]),
  ] as const;
  return [
    `# ${stanzas} stanzas to the ${audience}, ${sessions} sessions, ${sizes} sizes, ${kinds} kinds`,
    ...(grain === 1
      ? []
      : [`# sizes are rounded up to ${grain} bytes, because there are more than ${groupsMax}`]),
    line,
    '',
    ...rows.map(
      ([name, { sizeBits, kindBits, overhead }]) =>
        `# ${name}: ${sizeBits.toFixed(2)} bits of size, ${kindBits.toFixed(2)} bits of kind, ${percentOf(overhead)} more bytes`,
    ),
    '',
  ].join('\n');
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
