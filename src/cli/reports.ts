/** `narthex report exposure | fingerprints | dpia | public | data-policy`: reports for the people who sign for a policy. */
import { type Command, Option } from 'commander';
import { assessmentDocument, assessmentReport } from '../reports/assessment/assessment.ts';
import type { AssessedDeployment } from '../reports/assessment/statement.ts';
import {
  configurationReport,
  mapViews,
  reportAt,
  type ConfigurationReport,
} from '../reports/configuration/configuration.ts';
import { configurationDocument, type SurroundingPart } from '../reports/configuration/document.ts';
import { dataPolicyForms, writeDataPolicy } from '../reports/data-policy.ts';
import { publicDocument, publicReport } from '../reports/public.ts';
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
  $ narthex report public --config narthex.yaml --provider "Third Messenger" --as "Very Large Messenger" > privacy.html
  $ narthex report data-policy --config narthex.yaml --terms https://chat.example/terms
  $ narthex report exposure --config narthex.yaml --from http://127.0.0.1:9090

Exit codes: 0 printed, 64 wrong usage, 65 a document or an answer cannot be used, or the ledger is not whole, 66 no such file,
69 the proxy does not answer, 77 it does not answer this machine, 78 the configuration is wrong.`;

/** How one report is made of the exposure, and which statements about the configuration belong to it. */
interface ReportKind<Report extends object> {
  readonly name: string;
  readonly summary: string;
  of(exposure: ExposureReport, deployment?: AssessedDeployment): Report;
  document(report: Report): ReportDocument;
  readonly parts: readonly SurroundingPart[];
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
  addPublic(group, io);
  addDataPolicy(group, io);
}

interface PublicOptions {
  readonly config: string;
  readonly gatekeeper?: string;
  readonly provider: string;
  readonly as?: string;
  readonly format: Format;
}

function addPublic(group: Command, io: CommandIo): void {
  group
    .command('public')
    .summary('a page for users: what the gatekeeper can see of them')
    .description('A page that a provider can publish, in plain language, without a setting of the operator.')
    .requiredOption('--config <file>', 'narthex.yaml')
    .requiredOption('--provider <name>', 'what the page calls the provider')
    .option('--gatekeeper <name>', 'the gatekeeper, where there are several')
    .option('--as <name>', 'what the page calls the gatekeeper')
    .addOption(new Option('--format <format>', 'how to print').choices(formats).default('html'))
    .addHelpText('after', help)
    .action(async ({ config, gatekeeper, provider, as, format }: PublicOptions) => {
      const report = await readGatekeeper(config, gatekeeper);
      const made = publicReport(report, { provider, gatekeeper: as ?? report.views[0]!.gatekeeper });
      io.write(render(format, made, publicDocument(made)));
    });
}

interface DataPolicyOptions {
  readonly config: string;
  readonly gatekeeper?: string;
  readonly terms?: string;
}

function addDataPolicy(group: Command, io: CommandIo): void {
  group
    .command('data-policy')
    .summary('the data policy as XML forms (XEP-0504)')
    .description('The data policy of the service as forms for its answer to disco#info (XEP-0504, XEP-0128).')
    .requiredOption('--config <file>', 'narthex.yaml')
    .option('--gatekeeper <name>', 'the gatekeeper, where there are several')
    .option('--terms <uri>', 'address of the terms of service')
    .addHelpText('after', help)
    .action(async ({ config, gatekeeper, terms }: DataPolicyOptions) => {
      if (terms !== undefined && !/^[a-z][a-z0-9+.-]*:\S+$/i.test(terms)) throw misused('--terms is no URI');
      io.write(`${writeDataPolicy(dataPolicyForms(await readGatekeeper(config, gatekeeper), { terms }))}\n`);
    });
}

/** Reads a configuration, and returns what is about one gatekeeper.
 *  @throws InputError ERR_OPTION when there is none of this name, or several and no name */
async function readGatekeeper(
  file: string,
  name: string | undefined,
): Promise<ConfigurationReport<ExposureReport>> {
  const report = await readConfiguration(file, {});
  const names = [...new Set(report.views.map(({ gatekeeper }) => gatekeeper))];
  if (name === undefined && names.length > 1) throw misused(`--gatekeeper is needed: ${names.join(', ')}`);
  if (name !== undefined && !names.includes(name))
    throw misused(`there is no gatekeeper ${name}, but ${names.join(', ')}`);
  return reportAt(report, name ?? names[0]!);
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
    const read = await readConfiguration(config!, options);
    const { surroundings } = read;
    const made = mapViews(read, ({ gatekeeper, report: of }) => kind.of(of, { gatekeeper, surroundings }));
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
