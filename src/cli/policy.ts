/** `narthex policy check | explain | diff | test | fields | buckets`: checks, explains and compares policies before one runs. */
import { relative } from 'node:path';
import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { directionOf, toTest } from '../policy/cases.ts';
import { isShown, type Catalogue } from '../policy/catalogue.ts';
import { checkPolicy } from '../policy/check.ts';
import { circumstancesOf, isRegion } from '../policy/circumstances.ts';
import { describeTreatment } from '../policy/describe.ts';
import { formatDiagnostic } from '../documents/diagnostic.ts';
import { countWarnings, errorAt, hasErrors, type Diagnostic } from '../policy/diagnostic.ts';
import { diffPolicies, type Difference } from '../policy/diff.ts';
import { summariseExceptions, type ExceptionSummary } from '../policy/exceptions.ts';
import { explain, type Effect, type Explanation } from '../policy/explain.ts';
import { listFields } from '../policy/fields.ts';
import { runInlineTests } from '../policy/inline-tests.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';
import { toSarif } from '../policy/sarif.ts';
import { audienceNames } from '../policy/schema.ts';
import { exitCodes } from '../errors/exit.ts';
import { digestOf } from '../app/files/digest.ts';
import type { ClaimValue } from '../stanza/ownership-claims.ts';
import {
  FileMissing,
  openCatalogue,
  openCatalogueFiles,
  openObligations,
  openPolicy,
  openPolicyFiles,
  PolicyRefused,
  readFolder,
  readText,
} from '../app/files/policies.ts';
import { registerBuckets } from './audit-recording.ts';
import { failOnWarning } from './command-io.ts';
import { misused, requireOneInput } from './input-error.ts';
import { productVersion } from '../app/version.ts';
import { createExplaining } from '../app/tools/explaining.ts';
import { policiesOfConfig, type ConfiguredPolicies } from './policy-config.ts';

/** Files and output of the commands, so that tests need no process. */
export interface PolicyIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly setExitCode: (code: number) => void;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
  /** Returns a word in colour, where the output shows colours. */
  readonly paint: (style: Style, word: string) => string;
}

type Style = 'red' | 'yellow' | 'green';

const processIo: PolicyIo = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  clock: Date.now,
  // Respects NO_COLOR, and leaves colours out in a pipe.
  paint: (style, word) => styleText(style, word, { stream: process.stdout }),
};

const examples = `
Examples:
  $ narthex policy check house.yaml                        # before it runs
  $ narthex policy explain balanced --stanza message.xml   # what leaves, and why
  $ narthex policy diff balanced house.yaml --fail-on more # in a pipeline
`;

const help = `
A policy is a file, - for standard input, or the name of a shipped one: passthrough, balanced, strict.

Exit codes: 0 fine (perhaps with warnings), 1 the answer is no (a refusal, a failed test, what --fail-on names), 64 wrong usage, 65 a document or a stanza cannot be read, 66 no such file.`;

interface Common {
  readonly format: string;
  readonly catalogue: string[];
}

function catalogueOption(): Option {
  const meaning = 'entries in addition to the shipped catalogue';
  return new Option('--catalogue <path...>', meaning).default([], 'none');
}

/** Adds the subcommand. */
export function register(program: Command, io: PolicyIo = processIo): void {
  const group = program
    .command('policy')
    .summary('check, explain, compare and test policies')
    .description('Which audience may see which piece of metadata.')
    .addHelpText('after', examples + help);
  const add = (signature: string, summary: string, formats: readonly string[]): Command =>
    group
      .command(signature)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .addOption(new Option('--format <format>', 'how to print').choices(formats).default('text'))
      .addOption(catalogueOption())
      .addHelpText('after', help);

  add('check [policy...]', 'refuse what must not run, warn of what breaks', ['text', 'json', 'sarif'])
    .option('--obligations <path>', 'the published rules to keep; by default those shipped')
    .option('--digests', 'print the digests by which logs and attestations identify the documents')
    .option('--config <file>', 'check every policy that a configuration names')
    .addOption(failOnWarning())
    .action(async (files: string[], options: CheckOptions) => {
      const named = options.config === undefined ? noPolicies : await policiesOfConfig(options.config);
      const all = orMisused([...files, ...named.files]);
      run(io, () => check(io, all, within(options, named)));
    });
  add('explain [policy]', 'the policy with everything it inherits, or what it does to a stanza', [
    'text',
    'json',
  ])
    .option('--stanza <file>', 'a file that holds one stanza')
    .addOption(
      new Option('--from <sender>', 'who sends it').choices(['client', 'gatekeeper']).default('client'),
    )
    .addOption(new Option('--account <jid>', "the session's bare JID").default('', 'none'))
    .option('--gatekeeper <name>', "the operator's name for the gatekeeper", 'gatekeeper')
    .option('--listener <name>', 'the listener that the client has connected to')
    .option(
      '--claim <name=value...>',
      'a claim of the token of the client; without any, claims are not known',
    )
    .option('--region <code>', 'where the client is, such as AT or AT-9; without it, that is not known')
    .option('--config <file>', 'explain the policy that a configuration has for the gatekeeper')
    .action(async (file: string | undefined, options: ExplainCommand) => {
      const named = options.config === undefined ? noPolicies : await policiesOfConfig(options.config);
      const [policy] = orMisused([file ?? named.enforcedFor(options.gatekeeper) ?? []].flat());
      run(io, () => explainCommand(io, policy, within(options, named)));
    });
  add('diff <before> <after>', 'who sees more under the second policy, and who sees less', ['text', 'json'])
    .addOption(
      new Option('--fail-on <change>', 'exit 1 when an audience sees more or less, or on any change').choices(
        ['more', 'less', 'any'],
      ),
    )
    .action((before: string, after: string, options: Common & { failOn?: string }) =>
      run(io, () => diff(io, before, after, options)),
    );
  add('test <policy> [cases]', 'run the tests inside a policy, and a folder of example stanzas', [
    'text',
    'json',
  ]).action((file: string, cases: string | undefined, options: Common) =>
    run(io, () => test(io, file, cases, options)),
  );
  add('fields', 'every field that a policy can name', ['text', 'json']).action((options: Common) =>
    run(io, () => fields(io, options)),
  );
  registerBuckets(group);
}

/** Returns the policies that a command is for. @throws InputError without any */
function orMisused(policies: readonly string[]): readonly [string, ...string[]] {
  const [first, ...others] = policies;
  if (first === undefined) throw misused('name a policy, or a configuration with --config');
  return [first, ...others];
}

/** Without `--config`. */
const noPolicies: ConfiguredPolicies = {
  files: [],
  catalogue: [],
  obligations: undefined,
  enforcedFor: () => undefined,
};

/** Returns the options of a command with what the configuration says about all policies. */
function within<T extends Common>(
  options: T & { readonly obligations?: string },
  { catalogue, obligations }: ConfiguredPolicies,
): T & { readonly obligations?: string } {
  const kept = options.obligations ?? obligations;
  return {
    ...options,
    catalogue: [...options.catalogue, ...catalogue],
    ...(kept !== undefined && { obligations: kept }),
  };
}

/** Runs a command, and reports problems of its input without a stack. */
function run(io: PolicyIo, command: () => number): void {
  try {
    io.setExitCode(command());
  } catch (error) {
    if (error instanceof PolicyRefused) {
      for (const diagnostic of error.diagnostics) io.err(formatDiagnostic(relativeToCwd(diagnostic)));
      io.setExitCode(exitCodes.dataError);
    } else if (error instanceof FileMissing) {
      io.err(`narthex: error ERR_POLICY_FILE: ${error.message}. ${error.remedy}`);
      io.setExitCode(exitCodes.noInput);
    } else throw error;
  }
}

interface CheckOptions extends Common {
  readonly obligations?: string;
  readonly digests?: boolean;
  readonly config?: string;
  readonly failOn?: 'warning';
}

function check(io: PolicyIo, files: readonly string[], options: CheckOptions): number {
  requireOneInput([...files, options.obligations, ...options.catalogue]);
  const { catalogue, files: catalogueFiles } = openCatalogueFiles(options.catalogue);
  const digests: Digest[] = [{ document: 'catalogue', digest: digestOfFiles(catalogueFiles) }];
  const obligations = openObligations(options.obligations);
  const found: Diagnostic[] = [];
  let unreadable = false;
  for (const file of files) {
    try {
      const { policy, files: texts } = openPolicyFiles(file);
      digests.push({ document: file, digest: digestOfFiles(texts) });
      found.push(...checkPolicy(policy, { catalogue, obligations, now: io.clock() }));
    } catch (error) {
      if (!(error instanceof PolicyRefused)) throw error;
      unreadable = true;
      found.push(...error.diagnostics);
    }
  }
  const shown = found.map(relativeToCwd);
  if (options.format === 'json')
    io.out(JSON.stringify(options.digests ? { problems: shown, digests } : shown, undefined, 2));
  else if (options.format === 'sarif') io.out(JSON.stringify(toSarif(shown, productVersion()), undefined, 2));
  else {
    const rows = options.digests
      ? digests.map(({ document, digest }) => `digest ${digest}  ${document}`)
      : [];
    io.out([...shown.map((each) => diagnosticLine(io, each)), summary(found), ...rows].join('\n'));
  }
  if (unreadable) return exitCodes.dataError;
  const fails =
    options.failOn === 'warning' ? found.some(({ severity }) => severity !== 'notice') : hasErrors(found);
  return fails ? exitCodes.negative : exitCodes.ok;
}

interface Digest {
  readonly document: string;
  readonly digest: string;
}

function digestOfFiles(files: readonly { readonly text: string }[]): string {
  return digestOf(files.map(({ text }) => text));
}

/** Returns a diagnostic whose file is relative to the working directory, when it is below it. */
function relativeToCwd(diagnostic: Diagnostic): Diagnostic {
  const path = relative(process.cwd(), diagnostic.file);
  return path.startsWith('..') ? diagnostic : { ...diagnostic, file: path };
}

function diagnosticLine(io: PolicyIo, diagnostic: Diagnostic): string {
  const { severity } = diagnostic;
  if (severity === 'notice') return formatDiagnostic(diagnostic);
  const painted = io.paint(severity === 'error' ? 'red' : 'yellow', severity);
  return formatDiagnostic(diagnostic).replace(`: ${severity} `, () => `: ${painted} `);
}

function summary(found: readonly Diagnostic[]): string {
  const errors = found.filter(({ severity }) => severity === 'error').length;
  const notices = found.filter(({ severity }) => severity === 'notice').length;
  const counts = [plural(errors, 'error'), plural(countWarnings(found), 'warning')];
  return [...counts, ...(notices === 0 ? [] : [plural(notices, 'notice')])].join(', ');
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

interface ExplainCommand extends Common {
  readonly listener?: string;
  readonly claim?: readonly string[];
  readonly region?: string;
  readonly config?: string;
  readonly stanza?: string;
  readonly from: 'client' | 'gatekeeper';
  readonly account: string;
  readonly gatekeeper: string;
}

function explainCommand(io: PolicyIo, file: string, options: ExplainCommand): number {
  requireOneInput([file, options.stanza, ...options.catalogue]);
  const catalogue = openCatalogue(options.catalogue);
  const policy = openPolicy(file);
  if (options.stanza === undefined) {
    const rows = matrixOf(policy, catalogue);
    const { name, lineage, mode, unlisted } = policy;
    const exceptions = summariseExceptions(policy, io.clock());
    if (options.format === 'json')
      io.out(JSON.stringify({ name, lineage, mode, unlisted, rules: rows, exceptions }, undefined, 2));
    else
      io.out(
        [
          `${lineage.join(' extends ')} (${mode}, unlisted: ${unlisted})`,
          ...(mode === 'shadow' ? [notEnforced] : []),
          ...rows.map(ruleLine),
          ...exceptions.flatMap(exceptionLines),
        ].join('\n'),
      );
    return exitCodes.ok;
  }
  const { file: stanzaFile, text } = readText(options.stanza);
  const direction = options.from === 'client' ? 'to-gatekeeper' : 'to-client';
  const { account, gatekeeper, listener, claim, region } = options;
  if (region !== undefined && !isRegion(region))
    throw misused(`${region} is no country such as AT and no region such as AT-9`);
  const circumstances = circumstancesOf({ listener, claims: claim && claimsOf(claim), region });
  const toolOptions = { ...createExplaining(catalogue, io.clock), ...circumstances, account, gatekeeper };
  let explanation: Explanation;
  try {
    explanation = explain(policy, direction, text.trim(), toolOptions);
  } catch (error) {
    io.err(
      formatDiagnostic(
        errorAt(
          { file: stanzaFile, line: 1, column: 1 },
          'ERR_POLICY_TEST',
          `the stanza cannot be read: ${(error as Error).message}`,
        ),
      ),
    );
    return exitCodes.dataError;
  }
  io.out(
    options.format === 'json' ? JSON.stringify(explanation, undefined, 2) : explanationText(explanation),
  );
  return exitCodes.ok;
}

/** Reads `plan=gold`. A value that reads as a number, true or false is one. */
function claimsOf(written: readonly string[]): Readonly<Record<string, ClaimValue>> {
  const claims = written.map((text) => {
    const [name = '', ...value] = text.split('=');
    if (name === '' || value.length === 0) throw misused(`${text} is not of the form name=value`);
    return [name, claimValueOf(value.join('='))] as const;
  });
  return Object.fromEntries(claims);
}

function claimValueOf(text: string): ClaimValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

interface MatrixRow {
  readonly audience: string;
  readonly field: string;
  readonly treatment: string;
  readonly from: string;
  readonly why: string;
}

function matrixOf(policy: Policy, catalogue: Catalogue): readonly MatrixRow[] {
  return audienceNames.flatMap((audience) =>
    [...catalogue.fields.values()]
      .filter(({ name }) => isShown(catalogue, name, audience))
      .map(({ name }) => {
        const { treatment, rule } = treatmentOf(policy, audience, name);
        return {
          audience,
          field: name,
          treatment: describeTreatment(treatment),
          from: rule?.policy ?? 'unlisted',
          why: rule?.why ?? '',
        };
      }),
  );
}

function ruleLine({ audience, field, treatment, from, why }: MatrixRow): string {
  const reason = why === '' ? '' : `: ${why}`;
  return `${audience.padEnd(10)}  ${field.padEnd(24)}  ${treatment}  [${from}${reason}]`;
}

const notEnforced = 'NOT ENFORCED: the policy says mode: shadow, so everything passes unchanged';

function exceptionLines({ when, audiences, why, approvedBy, expires, expired }: ExceptionSummary): string[] {
  const conditions = Object.entries(when).map(([key, value]) => `${key} ${value}`);
  const state = expired ? 'expired after' : 'until the end of';
  return [
    `exception for ${conditions.join(' and ')}, ${state} ${expires}, approved by ${approvedBy}: ${why}`,
    ...Object.entries(audiences).flatMap(([audience, treatments]) =>
      Object.entries(treatments).map(
        ([field, treatment]) => `  ${audience.padEnd(10)}  ${field.padEnd(24)}  ${treatment}`,
      ),
    ),
  ];
}

function explanationText(explanation: Explanation): string {
  const { policy, direction, before, ifEnforced, decisions } = explanation;
  return [
    `policy ${policy}, ${direction}`,
    ...(ifEnforced === undefined ? [] : [notEnforced]),
    'before',
    `  ${before}`,
    ...effectLines('after', explanation),
    ...(ifEnforced === undefined ? [] : effectLines('after, if it were enforced', ifEnforced)),
    ifEnforced === undefined ? 'why' : 'why, only counted',
    ...decisions.map(
      ({ field, treatment, reason }) => `  ${field.padEnd(24)}  ${treatment.padEnd(12)}  ${reason}`,
    ),
  ].join('\n');
}

function effectLines(
  title: string,
  { after, reply, padding, delayUpToMs, equalisedAfterMs, answerAfterMs, normalise }: Effect,
): string[] {
  return [
    title,
    `  ${after === '' ? 'nothing' : after}`,
    ...(reply === '' ? [] : ['back to the sender', `  ${reply}`]),
    ...(padding === 0 ? [] : [`padded with ${padding} bytes of white space`]),
    ...(delayUpToMs === 0 ? [] : [`held for up to ${delayUpToMs} ms`]),
    ...(answerAfterMs === 0 ? [] : [`its answer leaves ${answerAfterMs} ms after this was delivered`]),
    ...(equalisedAfterMs === 0
      ? []
      : [
          `leaves ${equalisedAfterMs} ms after what it answers was delivered, or at a later multiple of that`,
        ]),
    ...(normalise ? ['written in normal form'] : []),
  ];
}

function diff(io: PolicyIo, before: string, after: string, options: Common & { failOn?: string }): number {
  requireOneInput([before, after, ...options.catalogue]);
  const differences = diffPolicies(openPolicy(before), openPolicy(after), openCatalogue(options.catalogue));
  if (options.format === 'json') io.out(JSON.stringify(differences, undefined, 2));
  else
    io.out(
      differences.length === 0
        ? 'no difference'
        : differences.map((each) => differenceLine(io, each)).join('\n'),
    );
  const fails = differences.some(({ sees }) => options.failOn === 'any' || sees === options.failOn);
  return options.failOn !== undefined && fails ? exitCodes.negative : exitCodes.ok;
}

const changeStyles = { more: 'red', less: 'green', differently: 'yellow' } as const;

function differenceLine(io: PolicyIo, difference: Difference): string {
  const { audience, field, before, after, sees, when } = difference;
  const condition = when === undefined ? '' : ` (${when})`;
  return `${audience} sees ${io.paint(changeStyles[sees], sees)} of ${field}${condition}: ${before} -> ${after}`;
}

function test(io: PolicyIo, file: string, cases: string | undefined, options: Common): number {
  requireOneInput([file, cases, ...options.catalogue]);
  const catalogue = openCatalogue(options.catalogue);
  const policy = openPolicy(file);
  const files = cases === undefined ? [] : readFolder(cases, '.xml');
  const examples = files.map((each) => {
    const example = toTest(each);
    if (example !== undefined) return example;
    const reason = `${directionOf(each.file)} case needs: given, ----------, what leaves, and perhaps ----------, the reply`;
    throw new PolicyRefused([errorAt({ file: each.file, line: 1, column: 1 }, 'ERR_POLICY_TEST', reason)]);
  });
  const results = runInlineTests(
    { ...policy, tests: [...policy.tests, ...examples] },
    createExplaining(catalogue, io.clock),
  );
  if (options.format === 'json') io.out(JSON.stringify(results, undefined, 2));
  else
    for (const { name, passed, diagnostic } of results)
      io.out(
        passed
          ? `${io.paint('green', 'ok')}   ${name}`
          : `${io.paint('red', 'FAIL')} ${name}\n  ${formatDiagnostic(relativeToCwd(diagnostic!))}`,
      );
  return results.every(({ passed }) => passed) ? exitCodes.ok : exitCodes.negative;
}

function fields(io: PolicyIo, options: Common): number {
  const listing = listFields(openCatalogue(options.catalogue));
  if (options.format === 'json') io.out(JSON.stringify(listing, undefined, 2));
  else
    for (const { name, category, title, protocols, permits, automaticAnswer } of listing) {
      const marks = [...(automaticAnswer ? ['automatic answer'] : []), ...protocols];
      io.out(
        `${name.padEnd(24)}  ${category.padEnd(12)}  ${title} (${permits.join(', ')}) [${marks.join(', ')}]`,
      );
    }
  return exitCodes.ok;
}
