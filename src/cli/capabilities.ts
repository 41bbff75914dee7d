/** `narthex capabilities preview | hash | diff`: what the gatekeeper would see of a client, the hashes of a
 *  disco#info result, and the differences of two results or profiles. */
import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { unfilteredKinds } from '../capabilities/content-filter.ts';
import type { DiscoInfo, DiscoReading } from '../capabilities/disco-info.ts';
import {
  capabilityHash,
  isUnambiguous,
  supportsHash,
  verificationHash,
} from '../capabilities/entity-capabilities.ts';
import {
  advertise,
  baseline,
  discoAnswer,
  rewriteInfo,
  type RewriteReport,
} from '../capabilities/rewrite.ts';
import { standardInput } from '../documents/read.ts';
import { exitCodes } from '../errors/exit.ts';
import {
  linesOf,
  load,
  loadInfo,
  loadProfile,
  loadTable,
  readXml,
  type CapabilitiesIo,
} from './capability-inputs.ts';
import { InputError, requireOneInput } from './input-error.ts';

const processIo: CapabilitiesIo = {
  readFile: (path) => readFile(path, 'utf8'),
  readFolder: (path) => readdir(path).catch(() => []),
  readStdin: () => text(process.stdin),
  out: (line) => process.stdout.write(`${line}\n`),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  policies: fileURLToPath(new URL('../../policies', import.meta.url)),
};

const groupHelp = `
A profile is a YAML file, or the name of a shipped one. docs/capabilities.md explains the format; \`narthex check\` reads
the profiles that a configuration names.

Each command says with \`--help\` how it exits.`;

const previewHelp = `
Examples:
  $ narthex capabilities preview --profile phone                      # what every client of a cohort shows
  $ narthex capabilities preview --profile ours.yaml --client me.xml  # and what changes for this client

Exit codes: 0 fine, 64 no such profile, 65 the result is refused, 66 no such file, 78 the profile is wrong.`;

const hashHelp = `
Prints one JSON object per input: \`ver\` (XEP-0115, SHA-1), one key per function of XEP-0390, and
  ambiguous       true where another result could have the same \`ver\` (XEP-0115 joins what it hashes)
  hash-set-error  in place of the hashes that XEP-0390 refuses
  error           alone, where the input is refused

Exit codes: 0 all hashed, 1 an input was refused, 64 no such function, 66 no such file.`;

const diffHelp = `
Exit codes: 0 no difference, 1 they differ, 64 no such profile, 65 a result is refused, 66 no such file,
78 a profile is wrong.`;

/** Adds `capabilities` and its subcommands. */
export function register(program: Command, io: CapabilitiesIo = processIo): void {
  const group = program
    .command('capabilities')
    .summary('preview, hash and compare what clients advertise')
    .description('What clients advertise, and what the gatekeeper sees of it.')
    .addHelpText('after', groupHelp);
  group
    .command('preview')
    .summary('what the gatekeeper will see of a client, and what each side loses')
    .description('What the gatekeeper will see of a client, and what each side loses.')
    .requiredOption('--profile <profile>', 'name of a shipped profile, or a YAML file')
    .option('--client <file>', "the client's disco#info result (XML); without it, the profile's baseline")
    .addOption(policiesOption(io))
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', previewHelp)
    .action((options: PreviewOptions) => preview(io, options));
  group
    .command('hash')
    .summary('XEP-0115 and XEP-0390 hashes of disco#info results')
    .description('XEP-0115 and XEP-0390 hashes of disco#info results.')
    .argument(
      '[file]',
      'XML, or JSON lines: strings of XML, or objects with an "xml" key; - for standard input',
      '-',
    )
    .option('--algorithm <names>', 'hash functions of XEP-0390, separated by commas', 'sha-256,sha3-256')
    .addOption(
      new Option('--language <rule>', 'inherited: as the specifications say; own: as most clients compute it')
        .choices(['inherited', 'own'])
        .default('inherited'),
    )
    .addHelpText('after', hashHelp)
    .action((file: string, options: HashOptions) => hash(io, file, options));
  group
    .command('diff')
    .summary('what two disco#info results or profiles advertise differently')
    .description('What two disco#info results or profiles advertise differently.')
    .argument('<a>', 'XML file, profile file, or name of a shipped profile')
    .argument('<b>', 'the same')
    .addOption(policiesOption(io))
    .addHelpText('after', diffHelp)
    .action((a: string, b: string, options: { policies: string }) => diff(io, a, b, options.policies));
}

function policiesOption(io: CapabilitiesIo): Option {
  const meaning = 'folder of content-kinds.yaml and capabilities/';
  return new Option('--policies <folder>', meaning).default(io.policies, 'those shipped');
}

interface PreviewOptions {
  readonly profile: string;
  readonly client?: string;
  readonly policies: string;
  readonly format: 'text' | 'json';
}

/** Prints the preview.
 *  @throws InputError */
async function preview(io: CapabilitiesIo, options: PreviewOptions): Promise<void> {
  requireOneInput([options.profile, options.client]);
  const table = await loadTable(io, options.policies);
  const profile = await loadProfile(io, options.profile, options.policies, table);
  const client = options.client === undefined ? undefined : await loadInfo(io, options.client);
  const { info, report } = rewriteInfo(client ?? baseline(profile, table), profile, table);
  const { elements, nodes, content } = advertise(info, profile);
  if (options.format === 'json') {
    io.out(JSON.stringify({ profile: profile.name, info, elements, nodes, report }));
    return;
  }
  io.out(
    `profile ${profile.name}, ${profile.cohort ? 'a cohort: every client advertises this' : 'not a cohort'}`,
  );
  io.out('');
  io.out('The gatekeeper and every contact see');
  for (const line of linesOf(info)) io.out(`  ${line}`);
  io.out('in presence');
  io.out(`  ${elements === '' ? 'nothing' : elements}`);
  io.out('asked by');
  for (const node of nodes) io.out(`  ${node}`);
  io.out('and answered');
  io.out(`  ${discoAnswer({ content })}`);
  if (client !== undefined) for (const line of describeReport(report)) io.out(line);
  for (const { kind, fromOutside } of unfilteredKinds(profile, table))
    io.out(
      `note: ${kind} is not received, but encrypted messages ${fromOutside === 'never' ? 'never' : 'need not'} show it: there it cannot be kept out`,
    );
}

function describeReport(report: RewriteReport): string[] {
  return [
    '',
    'The gatekeeper and contacts lose',
    ...report.hidden.map(({ feature, reason }) => `  ${feature} (${reason})`),
    ...report.formsHidden.map((form) => `  form ${form}`),
    ...(report.identityReplaced ? ["  the client's own identity"] : []),
    'The profile vouches, the client does not declare',
    ...report.vouched.map((feature) => `  ${feature}`),
    'The client loses',
    ...report.kindsRefused.map(({ kind, loses }) => `  ${kind}: ${loses}`),
    ...report.interestsLost.map((node) => `  notifications of ${node}`),
  ];
}

interface HashOptions {
  /** Names of hash functions in XEP-0300, separated by commas. */
  readonly algorithm: string;
  readonly language: 'inherited' | 'own';
}

/** Prints one JSON object per input, in order. Keys: `ver`, the XEP-0115 hash by SHA-1; one per XEP-0390 function,
 *  by its name. `ambiguous: true` where other results could have the same `ver`. `hash-set-error` in place of the
 *  XEP-0390 hashes where that specification refuses the result. `error` alone where the input is refused.
 *  @throws InputError ERR_FILE, ERR_HASH_ALGORITHM */
async function hash(io: CapabilitiesIo, file: string, options: HashOptions): Promise<void> {
  const algorithms = options.algorithm.split(',').map((name) => name.trim());
  const unknown = algorithms.filter((name) => !supportsHash(name));
  if (unknown.length > 0)
    throw new InputError([
      { code: 'ERR_HASH_ALGORITHM', message: `no hash function \`${unknown.join('`, `')}\`` },
    ]);
  const { language } = options;
  const text = await load(io, file);
  for (const input of inputsOf(text)) {
    const reading = 'code' in input ? input : readXml(input.xml, language);
    if ('code' in reading) io.setExitCode(exitCodes.negative);
    io.out(JSON.stringify('code' in reading ? { error: reading.code } : hashes(reading, algorithms)));
  }
}

function hashes(reading: DiscoReading & { kind: 'info' }, algorithms: readonly string[]): object {
  const { info, hashSet } = reading;
  const values =
    hashSet === undefined
      ? Object.fromEntries(algorithms.map((name) => [name, capabilityHash(info, name).value]))
      : { 'hash-set-error': hashSet };
  return { ver: verificationHash(info), ...values, ...(isUnambiguous(info) ? {} : { ambiguous: true }) };
}

type HashInput = { readonly xml: string } | { readonly code: string };

/** Splits a text into inputs: one XML document, or one input per line that is not blank. */
function inputsOf(text: string): HashInput[] {
  const content = text.replace(/^\uFEFF/, '');
  if (content.trimStart().startsWith('<')) return [{ xml: content.trim() }];
  return content
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonInput);
}

function jsonInput(line: string): HashInput {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { code: 'ERR_INPUT_JSON' };
  }
  const xml = typeof value === 'object' && value !== null && 'xml' in value ? value.xml : value;
  return typeof xml === 'string' ? { xml: xml.trim() } : { code: 'ERR_INPUT_JSON' };
}

/** Prints a line for each statement that only one of the two has.
 *  @throws InputError */
async function diff(io: CapabilitiesIo, a: string, b: string, policies: string): Promise<void> {
  requireOneInput([a, b]);
  const [before, after] = [await operand(io, a, policies), await operand(io, b, policies)].map(linesOf);
  const removed = before!.filter((line) => !after!.includes(line));
  const added = after!.filter((line) => !before!.includes(line));
  for (const line of removed) io.out(`- ${line}`);
  for (const line of added) io.out(`+ ${line}`);
  if (removed.length + added.length > 0) io.setExitCode(exitCodes.negative);
}

async function operand(given: CapabilitiesIo, name: string, policies: string): Promise<DiscoInfo> {
  let isXml = /\.(xml|txt)$/.test(name);
  let io = given;
  if (name === standardInput.path) {
    // It has no name that says what it is.
    const text = await given.readStdin();
    isXml = text.trimStart().startsWith('<');
    io = { ...given, readStdin: () => Promise.resolve(text) };
  }
  if (isXml) return await loadInfo(io, name);
  const table = await loadTable(io, policies);
  return baseline(await loadProfile(io, name, policies, table), table);
}
