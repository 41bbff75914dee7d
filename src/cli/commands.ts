/** The subcommands. Loading this file loads none of them. */
import type { CommandDescription, CommandModule } from './command.ts';

const configFile = 'configuration file; by default NARTHEX_CONFIG, then ./narthex.yaml';

export const commands: readonly CommandDescription[] = [
  {
    name: 'demo',
    summary: 'play a conversation through the proxy, with everything it needs',
    description:
      'Starts an embedded gatekeeper and the proxy with development certificates, plays a conversation between two ' +
      'clients through them, and shows for each stanza what was sent and what arrived. Then it stays up for a client of your own.',
    options: [{ flags: '--once', description: 'exit after the conversation' }],
    examples: [
      ['narthex demo', 'play the conversation and stay up'],
      ['narthex demo --once', 'play the conversation and exit'],
    ],
    next: 'Write a configuration of your own from deploy/examples/narthex.yaml, then `narthex check`.',
    load: () => pending('./demo.ts'),
  },
  {
    name: 'check',
    summary: 'check a configuration and show what it would serve',
    description:
      'Reads the configuration, every certificate and every key it names, and reports all that is wrong at once, each ' +
      'with its place and a way out. Opens no port and connects to nothing.',
    file: configFile,
    options: [
      {
        flags: '--format <format>',
        description: 'how to print',
        choices: ['text', 'json'],
        byDefault: 'text',
      },
    ],
    examples: [
      ['narthex check', 'check ./narthex.yaml'],
      ['narthex check --format json prod.yaml', 'the same for a program, e.g. in a pipeline'],
    ],
    next: '`narthex serve` with the same file. ERRORS.md explains every code.',
    load: () => import('./check.ts'),
  },
  {
    name: 'serve',
    summary: 'run the proxy',
    description:
      'Opens the listeners of the configuration and the admin port, and serves until SIGTERM or SIGINT, which let open ' +
      'sessions end within `timeouts.drainMs`. Certificates are read again when they change.',
    file: configFile,
    options: [],
    examples: [
      ['narthex serve', 'serve ./narthex.yaml'],
      ['NARTHEX_CONFIG=/etc/narthex/narthex.yaml narthex serve', 'the same in a container'],
    ],
    next: 'curl http://127.0.0.1:9090/readyz; METRICS.md explains /metrics, ERRORS.md the codes in the log.',
    load: () => pending('./serve.ts'),
  },
  {
    name: 'scan',
    summary: 'show what the proxy makes of the bytes of a stream',
    description:
      'Reads one direction of an XMPP stream and prints its events as JSON lines, and last the verdict: accepted, or ' +
      'refused with a stream error and the offset of the byte that gave rise to it.',
    file: 'file with the bytes, or - for standard input',
    options: [
      {
        flags: '--chunks <size>',
        description: 'how the scanner gets the bytes; the verdict must not depend on it',
        choices: ['whole', 'bytes', 'random'],
        byDefault: 'whole',
      },
      {
        flags: '--cases <file>',
        description: 'JSON array of {name, bytes: base64}; prints one verdict per line',
      },
      { flags: '--pre-auth', description: 'with the limits that hold before authentication' },
    ],
    examples: [
      ['narthex scan capture.xml', 'the events of a captured stream'],
      ['narthex scan --chunks bytes - < capture.xml', 'the same, read byte by byte'],
    ],
    next: 'ERRORS.md explains the codes. Limits are those of `limits` in the configuration.',
    load: () => pending('./scan.ts'),
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of narthex.yaml for editors',
    description:
      'Prints the JSON Schema (draft 2020-12) that editors use to complete and check narthex.yaml.',
    options: [],
    examples: [['narthex schema > narthex.schema.json', 'write it to a file']],
    next: 'Put `# yaml-language-server: $schema=narthex.schema.json` on the first line of narthex.yaml.',
    load: () => import('./schema.ts'),
  },
];

// TO COMPLETE: once serve.ts, scan.ts and demo.ts exist, replace each `pending(…)` by `import(…)` and remove this.
function pending(file: string): Promise<CommandModule> {
  return import(new URL(file, import.meta.url).href) as Promise<CommandModule>;
}
