/** `narthex audit [recording] RECORDING…`: how identifiable the clients of a recording are, before and after a policy. */
import { stat } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { type Command, Option } from 'commander';
import { auditDocument, auditTable } from '../audit/document.ts';
import { auditReport } from '../audit/report.ts';
import { renderHtml } from '../reports/html.ts';
import { renderCsv, renderMarkdown, renderText } from '../reports/render.ts';
import { openCatalogue, openPolicyFiles } from '../app/files/policies.ts';
import { digestOf } from '../app/files/digest.ts';
import { auditRecordings, type AuditProgress } from '../app/tools/audit.ts';
import { RecordingMissing } from '../app/tools/recorded-streams.ts';
import { RecordingUnusable } from '../recording/read.ts';
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
export function preferLittleMemory(): void {
  for (const flag of ['--optimize-for-size', '--max-semi-space-size=1', '--semi-space-growth-factor=1'])
    setFlagsFromString(flag);
}

async function audit(files: readonly string[], options: AuditCommand): Promise<string> {
  preferLittleMemory();
  const { policy, against, from, format } = options;
  requireOneInput([...files, policy, against, ...options.catalogue]);
  const catalogue = openCatalogue(options.catalogue);
  const policies = [policy, ...(against === undefined ? [] : [against])].map((name) => {
    const opened = openPolicyFiles(name);
    return { policy: opened.policy, digest: digestOf(opened.files.map(({ text }) => text)) };
  });
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
export async function explained<T>(work: Promise<T>): Promise<T> {
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
export async function bytesOf(files: readonly string[]): Promise<number | undefined> {
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
export function progressLine(total: number | undefined): (state: AuditProgress) => void {
  let next = Date.now() + progressEveryMs;
  return ({ bytes, stanzas, sessions }) => {
    if (Date.now() < next) return;
    next = Date.now() + progressEveryMs;
    const share =
      total === undefined ? `${bytes} bytes` : `${Math.floor((100 * bytes) / Math.max(total, 1))} %`;
    process.stderr.write(`narthex: ${share}, ${stanzas} stanzas, ${sessions} clients\n`);
  };
}
