/** `narthex capabilities preview | hash | diff`: what the gatekeeper will see of a client, the hashes that stand for a
 *  disco#info result, and what distinguishes two results or profiles.
 *
 *  Exit status: 0; 1 when an input of `hash` is refused or `diff` finds a difference; 2 when a file cannot be read or
 *  a policy document is wrong. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Element } from '@xmpp/xml';
import type { Command } from 'commander';
import { readContentKinds, type ContentKinds } from '../capabilities/content-kinds.ts';
import {
  canonicalDiscoInfo,
  elementsOf,
  isNamed,
  readDiscoInfo,
  type DiscoInfo,
  type DiscoReading,
} from '../capabilities/disco-info.ts';
import { ungatedKinds } from '../capabilities/content-gate.ts';
import { elementFromXml } from '../capabilities/element.ts';
import {
  capabilityHash,
  isUnambiguous,
  supportsHash,
  verificationHash,
} from '../capabilities/entity-capabilities.ts';
import { readProfile, type CapabilityProfile } from '../capabilities/profile.ts';
import {
  advertise,
  baseline,
  discoAnswer,
  rewriteInfo,
  type RewriteReport,
} from '../capabilities/rewrite.ts';
import { formatProblem, type Problem } from '../capabilities/yaml-document.ts';
import { ns } from '../stanza/namespaces.ts';

/** What the commands touch of the world. */
export interface CapabilitiesIo {
  /** The text of a file; rejects when it cannot be read. */
  readonly readFile: (path: string) => Promise<string>;
  readonly readStdin: () => Promise<string>;
  /** One line, without its line end. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly setExitCode: (code: number) => void;
  /** The folder of the shipped policies. */
  readonly policies: string;
}

const processIo: CapabilitiesIo = {
  readFile: (path) => readFile(path, 'utf8'),
  readStdin: () => text(process.stdin),
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  policies: fileURLToPath(new URL('../../policies', import.meta.url)),
};

/** Ends a command with a message for the operator. */
class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** Adds `capabilities` and its subcommands. */
export function register(program: Command, io: CapabilitiesIo = processIo): void {
  const group = program
    .command('capabilities')
    .description('what clients advertise, and what the gatekeeper sees of it');
  group
    .command('preview')
    .description('what the gatekeeper will see of a client, and what each side loses')
    .requiredOption('--profile <profile>', 'name of a shipped profile, or a YAML file')
    .option('--client <file>', "the client's disco#info result (XML); without it, the profile's baseline")
    .option('--policies <folder>', 'folder of content-kinds.yaml and capabilities/', io.policies)
    .option('--json', 'print one JSON object', false)
    .action((options: PreviewOptions) => run(io, () => preview(io, options)));
  group
    .command('hash')
    .description('XEP-0115 and XEP-0390 hashes of disco#info results')
    .argument(
      '[file]',
      'XML, or JSON lines: strings of XML, or objects with an "xml" key; - for standard input',
      '-',
    )
    .option('--algorithm <names...>', 'hash functions of XEP-0390', ['sha-256', 'sha3-256'])
    .option(
      '--language <rule>',
      'inherited: as the specifications say; own: as most clients compute it',
      'inherited',
    )
    .action((file: string, options: HashOptions) => run(io, () => hash(io, file, options)));
  group
    .command('diff')
    .description('what two disco#info results or profiles advertise differently')
    .argument('<a>', 'XML file, profile file, or name of a shipped profile')
    .argument('<b>', 'the same')
    .option('--policies <folder>', 'folder of content-kinds.yaml and capabilities/', io.policies)
    .action((a: string, b: string, options: { policies: string }) =>
      run(io, () => diff(io, a, b, options.policies)),
    );
}

async function run(io: CapabilitiesIo, command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    for (const line of error.lines) io.err(line);
    io.setExitCode(2);
  }
}

interface PreviewOptions {
  readonly profile: string;
  readonly client?: string;
  readonly policies: string;
  readonly json: boolean;
}

async function preview(io: CapabilitiesIo, options: PreviewOptions): Promise<void> {
  const table = await loadTable(io, options.policies);
  const profile = await loadProfile(io, options.profile, options.policies, table);
  const client = options.client === undefined ? undefined : await loadInfo(io, options.client);
  const { info, report } = rewriteInfo(client ?? baseline(profile, table), profile, table);
  const { elements, nodes } = advertise(info, profile);
  if (options.json) {
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
  io.out(`  ${discoAnswer({ info })}`);
  if (client !== undefined) for (const line of describeReport(report)) io.out(line);
  for (const { kind, fromOutside } of ungatedKinds(profile, table))
    io.out(
      `note: ${kind} is not received, but encrypted messages show it ${fromOutside}: it cannot be kept out`,
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
  readonly algorithm: readonly string[];
  readonly language: string;
}

/** Prints one JSON object per input, in order. Keys: `ver`, the XEP-0115 hash by SHA-1; one per XEP-0390 function, by
 *  its name. `ambiguous: true` where other results could share the `ver`. `hash-set-error` instead of the XEP-0390
 *  hashes where that specification refuses the result. `error` alone where the input is refused. */
async function hash(io: CapabilitiesIo, file: string, options: HashOptions): Promise<void> {
  const unknown = options.algorithm.filter((name) => !supportsHash(name));
  if (unknown.length > 0)
    throw new CommandFailure([`ERR_HASH_ALGORITHM no hash function ${unknown.join(', ')}`]);
  const { language } = options;
  if (language !== 'inherited' && language !== 'own')
    throw new CommandFailure(['ERR_OPTION --language is inherited or own']);
  const text = file === '-' ? await io.readStdin() : await load(io, file);
  for (const input of inputsOf(text)) {
    const reading = 'code' in input ? input : readXml(input.xml, language);
    if ('code' in reading) io.setExitCode(1);
    io.out(JSON.stringify('code' in reading ? { error: reading.code } : hashes(reading, options.algorithm)));
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

/** One XML document, or one input per line that is not blank. */
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

type XmlReading = (DiscoReading & { kind: 'info' }) | { readonly code: string };

function readXml(xml: string, language: 'inherited' | 'own'): XmlReading {
  const reading = elementFromXml(xml);
  if (reading.kind === 'not-xml') return { code: reading.code };
  const query = findQuery(reading.element);
  if (query === undefined) return { code: 'ERR_DISCO_NOT_INFO' };
  const result = readDiscoInfo(query, { language });
  return result.kind === 'info' ? result : { code: result.code };
}

/** The disco#info query: the root, or the first inside it. */
function findQuery(root: Element): Element | undefined {
  const waiting = [root];
  for (let element = waiting.shift(); element !== undefined; element = waiting.shift()) {
    if (isNamed(element, ns.discoInfo, 'query')) return element;
    waiting.push(...elementsOf(element));
  }
  return undefined;
}

async function diff(io: CapabilitiesIo, a: string, b: string, policies: string): Promise<void> {
  const [before, after] = [await operand(io, a, policies), await operand(io, b, policies)].map(linesOf);
  const removed = before!.filter((line) => !after!.includes(line));
  const added = after!.filter((line) => !before!.includes(line));
  for (const line of removed) io.out(`- ${line}`);
  for (const line of added) io.out(`+ ${line}`);
  if (removed.length + added.length > 0) io.setExitCode(1);
}

async function operand(io: CapabilitiesIo, name: string, policies: string): Promise<DiscoInfo> {
  if (/\.(xml|txt)$/.test(name)) return await loadInfo(io, name);
  const table = await loadTable(io, policies);
  return baseline(await loadProfile(io, name, policies, table), table);
}

/** Everything that a result says, one statement per line. */
function linesOf(info: DiscoInfo): string[] {
  const { identities, features, forms } = canonicalDiscoInfo(info);
  return [
    ...identities.map(
      ({ category, type, lang, name }) =>
        `identity ${category}/${type}${lang === '' ? '' : ` ${lang}`}${name === '' ? '' : ` ${JSON.stringify(name)}`}`,
    ),
    ...features.map((feature) => `feature ${feature}`),
    ...forms.flatMap(({ formType, fields }) =>
      fields.flatMap(({ name, values }) => values.map((value) => `form ${formType} ${name}=${value}`)),
    ),
  ];
}

async function load(io: CapabilitiesIo, path: string): Promise<string> {
  try {
    return await io.readFile(path);
  } catch {
    throw new CommandFailure([`ERR_FILE cannot read ${path}`]);
  }
}

async function loadInfo(io: CapabilitiesIo, path: string): Promise<DiscoInfo> {
  const reading = readXml((await load(io, path)).trim(), 'inherited');
  if ('code' in reading) throw new CommandFailure([`${path}: ${reading.code}`]);
  return reading.info;
}

async function loadTable(io: CapabilitiesIo, policies: string): Promise<ContentKinds> {
  const file = join(policies, 'content-kinds.yaml');
  const reading = readContentKinds({ file, text: await load(io, file) });
  if (reading.kind === 'invalid') throw failure(reading.problems);
  return reading.table;
}

async function loadProfile(
  io: CapabilitiesIo,
  name: string,
  policies: string,
  table: ContentKinds,
): Promise<CapabilityProfile> {
  const file = /\.ya?ml$/.test(name) ? name : join(policies, 'capabilities', `${name}.yaml`);
  const reading = readProfile({ file, text: await load(io, file) }, table);
  if (reading.kind === 'invalid') throw failure(reading.problems);
  return reading.profile;
}

function failure(problems: readonly Problem[]): CommandFailure {
  return new CommandFailure(problems.map(formatProblem));
}
