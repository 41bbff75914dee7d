/** `narthex report exposure | fingerprints | dpia`: reports for the people who sign for a policy. */
import { type Command, Option } from 'commander';
import { assessmentDocument, assessmentReport } from '../reports/assessment/assessment.ts';
import { exposureDocument, fingerprintDocument, type ReportDocument } from '../reports/document.ts';
import { exposureReport, type ExposureReport, type FieldCount } from '../reports/exposure.ts';
import { fingerprintReport } from '../reports/fingerprints.ts';
import { renderHtml } from '../reports/html.ts';
import { renderCsv, renderMarkdown, renderText } from '../reports/render.ts';
import { openCatalogue, openPolicyFiles } from '../app/files/policies.ts';
import { digestOf } from '../app/files/digest.ts';
import { readLedger } from '../app/tools/ledger.ts';
import { processIo, type CommandIo } from './command-io.ts';
import { InputError, misused } from './input-error.ts';

const formats = ['text', 'markdown', 'csv', 'json', 'html'] as const;
type Format = (typeof formats)[number];

interface ReportOptions {
  readonly policy: string;
  readonly catalogue: string[];
  readonly from?: string;
  readonly key?: string;
  readonly format: Format;
}

const help = `
Everything comes from the files of the policy and the catalogue; --from adds the decisions that a ledger has on record
under this very policy.

Examples:
  $ narthex report exposure --policy balanced --format html > exposure.html
  $ narthex report fingerprints --policy house.yaml --from /var/lib/narthex/ledger --key ledger.pub.pem

Exit codes: 0 printed, 64 wrong usage, 65 a document cannot be read or the ledger is not whole, 66 no such file.`;

/** Adds the subcommand. */
export function register(program: Command, io: CommandIo = processIo()): void {
  const group = program
    .command('report')
    .summary('reports about what a policy leaves visible')
    .description('Reports about what a policy leaves visible, for security and data-protection teams.')
    .addHelpText('after', help);
  const add = (name: string, summary: string): Command =>
    group
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .requiredOption('--policy <policy>', 'a file, or the name of a shipped policy')
      .addOption(
        new Option('--catalogue <path...>', 'entries in addition to the shipped catalogue').default(
          [],
          'none',
        ),
      )
      .option('--from <folder>', 'a ledger whose counts are added')
      .option('--key <file>', "the ledger's public key")
      .addOption(new Option('--format <format>', 'how to print').choices(formats).default('text'))
      .addHelpText('after', help);

  add('exposure', 'which field appears to which audience in which form').action(
    async (options: ReportOptions) => {
      const report = await readExposure(options);
      io.write(render(options.format, report, exposureDocument(report)));
    },
  );
  add('fingerprints', 'which fields still name software, device or place').action(
    async (options: ReportOptions) => {
      const report = fingerprintReport(await readExposure(options));
      io.write(render(options.format, report, fingerprintDocument(report)));
    },
  );
  add('dpia', 'answers to the questions of a data-protection impact assessment, each with its source').action(
    async (options: ReportOptions) => {
      const report = assessmentReport(await readExposure(options));
      io.write(render(options.format, report, assessmentDocument(report)));
    },
  );
}

async function readExposure({
  policy: name,
  catalogue: additional,
  from,
  key,
}: ReportOptions): Promise<ExposureReport> {
  if (key !== undefined && from === undefined) throw misused('--key goes with --from');
  const catalogue = openCatalogue(additional);
  const { policy, files } = openPolicyFiles(name);
  const digest = digestOf(files.map(({ text }) => text));
  const counts = from === undefined ? undefined : await readCounts(from, key, digest);
  return exposureReport({ policy, digest, catalogue, counts, now: Date.now() });
}

/** Reads the counts of a ledger under a policy.
 *  @throws InputError ERR_LEDGER_BROKEN when the ledger is not whole */
async function readCounts(
  folder: string,
  keyFile: string | undefined,
  policyDigest: string,
): Promise<readonly FieldCount[]> {
  const range = { from: 0, to: Infinity };
  const { verification, summaries } = await readLedger({
    folder,
    keyFile,
    summaries: [{ range, policyDigest }],
  });
  const { length } = verification.findings;
  if (length > 0)
    throw new InputError([{ code: 'ERR_LEDGER_BROKEN', message: `${folder} has ${length} findings` }]);
  return summaries[0]!.rows;
}

function render(format: Format, report: object, document: ReportDocument): string {
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  const renderers = { text: renderText, markdown: renderMarkdown, csv: renderCsv, html: renderHtml };
  return renderers[format](document);
}
