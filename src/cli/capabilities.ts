/** `narthex capabilities preview | hash | diff`: what the gatekeeper would see of a client, the hashes of a
 *  disco#info result, and the differences of two results or profiles. */
import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { diff } from './capabilities-diff.ts';
import { hash, type HashOptions } from './capabilities-hash.ts';
import { preview, type PreviewOptions } from './capabilities-preview.ts';
import type { CapabilitiesIo } from './capability-inputs.ts';

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
