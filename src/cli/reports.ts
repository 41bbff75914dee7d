/** `narthex report exposure | fingerprints | dpia`: reports for the people who sign for a policy. */
import { type Command, Option } from 'commander';
import { assessmentDocument, assessmentReport } from '../reports/assessment/assessment.ts';
import {
  configurationReport,
  mapViews,
  type ConfigurationReport,
  type Surroundings,
} from '../reports/configuration/configuration.ts';
import { configurationDocument } from '../reports/configuration/document.ts';
import { settingSources } from '../reports/configuration/setting.ts';
import { viewsOf, type PolicyDocument } from '../reports/configuration/views.ts';
import { exposureDocument, fingerprintDocument, type ReportDocument } from '../reports/document.ts';
import { exposureReport, type ExposureReport } from '../reports/exposure.ts';
import { fingerprintReport } from '../reports/fingerprints.ts';
import { renderHtml } from '../reports/html.ts';
import { renderCsv, renderMarkdown, renderText } from '../reports/render.ts';
import { openCatalogue } from '../app/files/policies.ts';
import { readCounts, type CountedPolicy } from '../app/tools/report-counts.ts';
import { openPolicyDocument, readReportInputs } from '../app/tools/report-inputs.ts';
import { processIo, type CommandIo } from './command-io.ts';
import { misused } from './input-error.ts';

const formats = ['text', 'markdown', 'csv', 'json', 'html'] as const;
type Format = (typeof formats)[number];

interface ReportOptions {
  readonly policy?: string;
  readonly config?: string;
  readonly catalogue: string[];
  readonly from?: string;
  readonly key?: string;
  readonly format: Format;
}

const help = `
--policy asks about one policy. --config asks about narthex.yaml: each gatekeeper and listener with its policy, capability
profiles, attestations, HTTP services, times, what is kept and what is logged.
--from adds the decisions that a ledger has on record, or a running proxy has counted, under these very policies.

Examples:
  $ narthex report exposure --policy balanced --format html > exposure.html
  $ narthex report dpia --config narthex.yaml --format markdown > assessment.md
  $ narthex report fingerprints --policy house.yaml --from /var/lib/narthex/ledger --key ledger.pub.pem
  $ narthex report exposure --config narthex.yaml --from http://127.0.0.1:9090

Exit codes: 0 printed, 64 wrong usage, 65 a document or an answer cannot be used, or the ledger is not whole, 66 no such file,
69 the proxy does not answer, 77 it does not answer this machine, 78 the configuration is wrong.`;

/** How one report is made of the exposure, and which statements about the configuration belong to it. */
interface ReportKind<Report extends object> {
  readonly name: string;
  readonly summary: string;
  of(exposure: ExposureReport): Report;
  document(report: Report): ReportDocument;
  readonly parts: readonly (keyof Surroundings)[];
}

const everyPart = [
  'connections',
  'capabilities',
  'services',
  'timing',
  'kept',
  'operations',
  'shadow',
] as const;

const exposureKind: ReportKind<ExposureReport> = {
  name: 'exposure',
  summary: 'which field appears to which audience in which form',
  of: (exposure) => exposure,
  document: exposureDocument,
  parts: everyPart,
};

const fingerprintKind: ReportKind<ReturnType<typeof fingerprintReport>> = {
  name: 'fingerprints',
  summary: 'which fields still name software, device or place',
  of: fingerprintReport,
  document: fingerprintDocument,
  parts: ['connections', 'capabilities'],
};

const assessmentKind: ReportKind<ReturnType<typeof assessmentReport>> = {
  name: 'dpia',
  summary: 'answers to the questions of a data-protection impact assessment, each with its source',
  of: assessmentReport,
  document: assessmentDocument,
  parts: everyPart,
};

/** Adds the subcommand. */
export function register(program: Command, io: CommandIo = processIo()): void {
  const group = program
    .command('report')
    .summary('reports about what a policy leaves visible')
    .description('Reports about what a policy leaves visible, for security and data-protection teams.')
    .addHelpText('after', help);
  const add = <Report extends object>(kind: ReportKind<Report>): void =>
    void group
      .command(kind.name)
      .summary(kind.summary)
      .description(`${kind.summary[0]!.toUpperCase()}${kind.summary.slice(1)}.`)
      .option('--policy <policy>', 'a file, or the name of a shipped policy')
      .option('--config <file>', 'narthex.yaml, with everything that surrounds its policies')
      .addOption(
        new Option('--catalogue <path...>', 'entries in addition to the shipped catalogue').default(
          [],
          'none',
        ),
      )
      .option('--from <source>', 'a ledger, or the admin port of a proxy, whose counts are added')
      .option('--key <file>', "the ledger's public key")
      .addOption(new Option('--format <format>', 'how to print').choices(formats).default('text'))
      .addHelpText('after', help)
      .action(async (options: ReportOptions) => io.write(await report(kind, options)));
  add(exposureKind);
  add(fingerprintKind);
  add(assessmentKind);
}

/** Makes a report of a policy, or of a configuration.
 *  @throws InputError ERR_OPTION; CountsUnusable, LedgerUnusable, ProxyUnusable; the errors of the files */
async function report<Report extends object>(
  kind: ReportKind<Report>,
  options: ReportOptions,
): Promise<string> {
  const { policy, config, catalogue, from, key, format } = options;
  if ((policy === undefined) === (config === undefined))
    throw misused('either --policy or --config is needed');
  if (key !== undefined && from === undefined) throw misused('--key goes with --from');
  if (policy === undefined) {
    if (catalogue.length > 0) throw misused('--catalogue goes with --policy; narthex.yaml names its own');
    const made = mapViews(await readConfiguration(config!, options), (view) => kind.of(view.report));
    return render(
      format,
      made,
      configurationDocument(made, (each) => kind.document(each), kind.parts),
    );
  }
  const made = kind.of(await readExposure(policy, options));
  return render(format, made, kind.document(made));
}

async function readExposure(
  name: string,
  { catalogue: additional, from, key }: ReportOptions,
): Promise<ExposureReport> {
  const catalogue = openCatalogue(additional);
  const document = openPolicyDocument(name);
  const read = from === undefined ? undefined : await readCounts(from, key, [counted(document)]);
  const counts = read && { provenance: read.provenance, rows: read.of(counted(document), undefined) };
  return exposureReport({ ...document, catalogue, counts, now: Date.now() });
}

async function readConfiguration(
  file: string,
  { from, key }: Pick<ReportOptions, 'from' | 'key'>,
): Promise<ConfigurationReport<ExposureReport>> {
  const inputs = await readReportInputs(file);
  const policies = viewsOf(inputs.config, inputs).map(counted);
  const read = from === undefined ? undefined : await readCounts(from, key, policies);
  return configurationReport({
    file: inputs.file,
    deployment: { config: inputs.config, source: settingSources(inputs.places) },
    documents: inputs,
    catalogue: inputs.catalogue,
    counts:
      read && ((view) => ({ provenance: read.provenance, rows: read.of(counted(view), view.gatekeeper) })),
    now: Date.now(),
  });
}

function counted({ policy: { name, mode }, digest }: PolicyDocument): CountedPolicy {
  return { name, mode, digest };
}

function render(format: Format, report: object, document: ReportDocument): string {
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  const renderers = { text: renderText, markdown: renderMarkdown, csv: renderCsv, html: renderHtml };
  return renderers[format](document);
}
