/** The command line. Each subcommand is loaded only when it is used. */
import { Command, CommanderError } from 'commander';
import { type ExitName, exitCodes, exitMeanings } from '../errors/exit.ts';
import { reportFailure } from './report.ts';
import { program as programThatRuns } from '../app/version.ts';

interface Subcommand {
  /** One line for the list of commands; options and help are in the module. */
  readonly summary: string;
  readonly load: () => Promise<{ register(program: Command): void }>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  demo: {
    summary: 'run everything on this machine: gatekeeper, proxy, a conversation',
    load: () => import('./demo.ts'),
  },
  init: { summary: 'write the configuration of a first proxy', load: () => import('./init.ts') },
  check: { summary: 'verify a configuration without running it', load: () => import('./check.ts') },
  config: {
    summary: 'print the configuration that is in force',
    load: async () => ({ register: (await import('./config.ts')).registerConfig }),
  },
  serve: { summary: 'run the proxy', load: () => import('./serve.ts') },
  scan: {
    summary: 'show what the proxy makes of one direction of a stream',
    load: () => import('./scan.ts'),
  },
  policy: {
    summary: 'check, explain, compare and test policies',
    load: () => import('./policy.ts'),
  },
  capabilities: {
    summary: 'preview, hash and compare what clients advertise',
    load: () => import('./capabilities.ts'),
  },
  fingerprint: {
    summary: 'print the TLS or TCP fingerprint of captured bytes',
    load: async () => ({ register: (await import('./fingerprint.ts')).registerFingerprint }),
  },
  verify: {
    summary: 'check an attestation of a connection against a key set',
    load: async () => ({ register: (await import('./verify.ts')).registerVerify }),
  },
  chat: {
    summary: "decode and encode frames of the gatekeeper's chat channel",
    load: () => import('./chat.ts'),
  },
  simulate: {
    summary: 'run the simulated gatekeeper alone, in the published shapes',
    load: async () => ({ register: (await import('./framework.ts')).registerSimulate }),
  },
  conformance: {
    summary: 'run the published milestones as a checklist against a deployment',
    load: async () => ({ register: (await import('./framework.ts')).registerConformance }),
  },
  report: {
    summary: 'reports about what a policy leaves visible',
    load: () => import('./reports.ts'),
  },
  ledger: {
    summary: 'verify and read the record of what each audience was shown',
    load: () => import('./ledger.ts'),
  },
  audit: {
    summary: 'measure what is learned from what a proxy lets through',
    load: () => import('./audit-recording.ts'),
  },
  schema: {
    summary: 'print the JSON Schema of narthex.yaml for editors',
    load: async () => ({ register: (await import('./config.ts')).registerSchema }),
  },
  completion: {
    summary: 'print a script with which a shell completes commands',
    load: async () => {
      const { registerCompletion } = await import('./completion.ts');
      return { register: (program) => registerCompletion(program, () => programWith(() => true)) };
    },
  },
};

const help = `
Start here:
  $ narthex demo --once            a gatekeeper, a proxy and a conversation on this machine
  $ narthex init                   the files of a first proxy
  $ narthex check narthex.yaml     is this configuration right?
  $ narthex serve narthex.yaml     run the proxy
  $ narthex scan recording.xml     what does the proxy make of these bytes?
  $ narthex policy check balanced  what does a policy take away?

Exit codes:
${Object.entries(exitCodes)
  .map(([name, code]) => `  ${String(code).padStart(2)}  ${exitMeanings[name as ExitName]}`)
  .join('\n')}

ERRORS.md explains every error code, METRICS.md every metric.`;

/** Runs a command, prints what is wrong with it, and sets the exit code of the process. Does not throw. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    const asked = args[0] === 'help' ? args[1] : args[0];
    const program = await programWith((name) => name === asked, isVersion(asked) ? versionLine() : '');
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Commander has printed the reason already: help, the version, or a usage error.
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    else process.exitCode = reportFailure(error, process.stderr);
  }
}

function isVersion(argument: string | undefined): boolean {
  return argument === '-V' || argument === '--version';
}

function versionLine(): string {
  const { version, build } = programThatRuns();
  return `${version} build ${build}`;
}

/** Returns the program with the subcommands that `wanted` selects, and the summaries of the others.
 *  @param version is printed by `--version` */
async function programWith(wanted: (name: string) => boolean, version = ''): Promise<Command> {
  const program = new Command('narthex')
    .description('Intermediary metadata proxy for messaging interoperability (XMPP).')
    .version(version, '-V, --version', 'print the version and the digest of the program')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', help)
    .configureOutput({ outputError: (text, write) => write(usageError(text)) })
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(subcommands)) {
    if (wanted(name)) (await load()).register(program);
    else program.command(name).summary(summary);
  }
  return program;
}

/** Rewrites commander's usage error: `error: …`, with `(Did you mean …?)` on a second line where it has a
 *  suggestion. */
function usageError(text: string): string {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ');
  return `narthex: error ERR_USAGE: ${message}\n    See \`narthex --help\` and \`narthex <command> --help\`.\n`;
}
