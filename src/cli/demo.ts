/** `npm start`: the demo of interoperability through Narthex on this machine. */
import { Option, type Command } from 'commander';
import { domain, host, romeo } from '../simulator/story/cast.ts';
import { visitor } from '../simulator/story/stage.ts';
import { formatOutcome, formatStep, type StoryFormat } from '../simulator/story/transcript.ts';
import { openDemo, type Demo } from '../app/demo/demo.ts';
import type { DemoProxy } from '../app/demo/proxy.ts';
import { exitCodes } from '../errors/exit.ts';
import { portNumber } from './command-io.ts';

const protocols = ['xmpp', 'chat-channel'] as const;

interface DemoOptions {
  readonly once?: boolean;
  readonly protocol: (typeof protocols)[number];
  readonly policy: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly httpPort: number;
}

const help = `
Everything is on loopback, with certificates and keys made for the occasion; nothing is left on disk.
Lines marked - were sent and did not arrive, lines marked + arrived in their place.

Exit codes: 0 every statement held, 1 one did not, 69 a port cannot be had, 73 the temporary files cannot be
written.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'Starts a gatekeeper, a provider and a proxy between them, and plays the whole story: opting in, connecting ' +
        'with the proof, capabilities, a message with a picture, a push. For each step it shows what was sent and ' +
        'what the other party really received.',
    )
    .option('--once', 'exit after the story')
    .addOption(
      new Option('--protocol <protocol>', 'what the gatekeeper speaks').choices(protocols).default('xmpp'),
    )
    .option('--policy <policy>', 'a shipped policy or a file', 'balanced')
    .option('--port <port>', 'STARTTLS port of the proxy; 0 takes a free one', portNumber, 5222)
    .option('--tls-port <port>', 'direct TLS port of the proxy', portNumber, 5223)
    .option('--http-port <port>', 'HTTPS port of the proxy', portNumber, 8443)
    .addHelpText('after', help)
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const format = { width: 100, colour: process.stdout.isTTY && process.env['NO_COLOR'] === undefined };
  const stopped = interrupted();
  const opened = await openDemo(options);
  try {
    await play(opened, options, format, stopped);
  } finally {
    await opened.close();
  }
}

async function play(
  demo: Demo,
  options: DemoOptions,
  format: StoryFormat,
  stopped: Promise<'stopped'>,
): Promise<void> {
  const { proxy } = demo;
  print(introduction(proxy, options));
  const story = demo.play((step) => print(formatStep(step, format)));
  const outcome = await Promise.race([story, stopped]);
  // In the middle of the story the process ends without closing each party.
  if (outcome === 'stopped') process.exit(exitCodes.negative);
  print(formatOutcome(outcome, format));
  process.exitCode = outcome.failed === 0 && outcome.complete ? exitCodes.ok : exitCodes.negative;
  if (options.once === true) return;
  print(options.protocol === 'xmpp' ? invitation(proxy) : chatInvitation(proxy));
  await stopped;
}

function introduction({ ports, url }: DemoProxy, { policy, protocol }: DemoOptions): string[] {
  return [
    'Juliet is a user of a small provider, Romeo has the app of a gatekeeper. Narthex stands between the two:',
    ...(protocol === 'xmpp' ? [] : chatIntroduction),
    `streams on ${host}:${ports[0]} (STARTTLS) and ${host}:${ports[1]} (direct TLS), HTTPS on ${url},`,
    `policy ${policy}. Lines marked - did not arrive as they were sent, lines marked + arrived in their place.`,
    '',
  ];
}

/** How the chat channel is shown. */
const chatIntroduction = [
  'The gatekeeper speaks the chat channel: Noise and binary frames over TCP, tried against this simulator only.',
  'A stanza before Narthex is the XML of her app; after it, the node that the gatekeeper read in a frame.',
];

function chatInvitation({ ports, caFile }: DemoProxy): string[] {
  return [
    '',
    'The proxy stays up. Clients of the chat channel speak XML over TLS to it, with an ownership token:',
    '',
    `  domain     ${domain}`,
    `  server     ${host}, port ${ports[0]} (STARTTLS) or ${ports[1]} (direct TLS)`,
    `  trust      ${caFile}`,
    '',
    'Ctrl-C ends it and removes its files.',
  ];
}

function invitation({ ports, caFile }: DemoProxy): string[] {
  const accounts = [romeo, visitor].map(
    ({ username, password }) => `${username}@${domain}, password ${password}`,
  );
  return [
    '',
    'The proxy stays up. Connect an ordinary XMPP client through it:',
    '',
    `  address    ${accounts[0]}`,
    `             ${accounts[1]}`,
    `  server     ${host}, port ${ports[0]} (STARTTLS) or ${ports[1]} (direct TLS)`,
    `  trust      ${caFile}`,
    '',
    'Ctrl-C ends it and removes its files.',
  ];
}

function interrupted(): Promise<'stopped'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('stopped'));
  });
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
