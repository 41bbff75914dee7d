/** `narthex simulate` and `narthex conformance`: the published framework on one's own machine, and the checklist of its
 *  milestones. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseHostPort } from '../config/address.ts';
import { publishedHost } from '../conformance/agreement.ts';
import { milestones } from '../conformance/checklist.ts';
import type { RowResult } from '../conformance/row.ts';
import { runConformance, type ConformanceOptions } from '../app/tools/conformance.ts';
import { openSimulation, type SimulateOptions } from '../app/tools/simulate.ts';
import { exitCodes } from '../errors/exit.ts';
import { portNumber } from './command-io.ts';
import { misused, unreadable } from './input-error.ts';

interface ConformanceFlags extends ConformanceOptions {
  readonly json?: boolean;
  readonly confirmAgreement?: boolean;
}

const conformanceHelp = `
It dials the addresses that are given and no other, follows no redirect, and acts as one client: it enlists with random
keys, sends messages of random bytes to --peer, and deletes its enlistment at the end. --token-file is read for each use;
the token is one of the provider for a test account, valid for the whole run.

Host names that the gatekeeper has published are dialled with --confirm-agreement only, which says that an agreement with
the gatekeeper permits the run. The checklist was never run against the real service; docs/published-framework.md says what
each row can show, and what is to be confirmed.

Exit codes: 0 no row failed, 1 a row failed, 64 wrong usage, 66 no such file.`;

const simulateHelp = `
It prints the section of narthex.yaml that reaches it. The provider's keys are fetched through the proxy, at
<base>/.well-known/oauth/openid/jwks, every five seconds until the proxy answers. Users enlist through the proxy with a
token of --provider for --audience. Romeo is a user of the simulated gatekeeper who reads and answers every message.

It is written from the published framework and was never compared with the real service: docs/published-framework.md.

Exit codes: 0 stopped, 69 a port cannot be had.`;

/** Adds `narthex conformance`. */
export function registerConformance(program: Command): void {
  program
    .command('conformance')
    .description("Runs the published milestones as a checklist against a provider's own deployment.")
    .requiredOption('--http <url>', 'base address of the public HTTPS port', httpsUrl)
    .requiredOption('--stream <host:port>', 'the port for clients', hostAndPort)
    .requiredOption('--domain <domain>', 'domain of the stream, and the name in its certificate')
    .requiredOption('--gatekeeper <name>', 'name of the gatekeeper in the configuration of the proxy')
    .requiredOption('--token-file <file>', 'file with an ownership token')
    .requiredOption('--peer <address>', 'a user of the gatekeeper who reads and answers messages')
    .option('--ca-file <file>', 'authorities in PEM form to trust at both ports, in place of the public ones')
    .addOption(
      new Option('--tls <mode>', 'how the stream starts TLS')
        .choices(['starttls', 'direct'])
        .default('direct'),
    )
    .option(
      '--media <url>',
      'address by which the gatekeeper fetches a stored file; without it the row is skipped',
      httpsUrl,
    )
    .option('--timeout-ms <number>', 'milliseconds to wait for any one answer', milliseconds, 10_000)
    .option('--json', 'print one JSON object per row')
    .option('--confirm-agreement', 'an agreement with the gatekeeper permits this run at its own addresses')
    .addHelpText('after', conformanceHelp)
    .action(async (flags: ConformanceFlags) => {
      refuseUnconfirmed(flags);
      process.exitCode = await conformance(flags);
    });
}

/** @throws InputError ERR_OPTION for a name of the gatekeeper without `--confirm-agreement` */
function refuseUnconfirmed({ http, media, stream, domain, confirmAgreement }: ConformanceFlags): void {
  const hosts = [http, media].flatMap((url) => (url === undefined ? [] : [new URL(url).hostname]));
  const named = publishedHost([...hosts, stream.host, domain]);
  if (named === undefined || confirmAgreement === true) return;
  throw misused(
    `${named} is a name of the gatekeeper: add --confirm-agreement where an agreement permits it`,
  );
}

async function conformance(flags: ConformanceFlags): Promise<number> {
  let milestone = 0;
  const print = (result: RowResult): void => {
    if (flags.json === true) {
      process.stdout.write(`${JSON.stringify(result)}\n`);
      return;
    }
    if (result.milestone !== milestone) {
      milestone = result.milestone;
      process.stdout.write(`${milestone}. ${milestones[milestone - 1]}\n`);
    }
    process.stdout.write(lineOf(result));
  };
  try {
    const results = await runConformance(flags, print);
    const failed = results.some(({ outcome }) => outcome === 'fail' || outcome === 'blocked');
    return failed ? exitCodes.negative : exitCodes.ok;
  } catch (error) {
    const { syscall, path } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : unreadable(path ?? flags.tokenFile);
  }
}

/** Returns the line of a row: what it shows, and under it why not. */
function lineOf({ id, title, outcome, why }: RowResult): string {
  const line = `   ${outcome.padEnd(8)}${id.padEnd(18)}${title}\n`;
  return why === '' ? line : `${line}   ${' '.repeat(26)}${why}\n`;
}

/** Adds `narthex simulate`. */
export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description('Runs the simulated gatekeeper alone, with the chat channel and the published HTTP shapes.')
    .requiredOption('--provider <issuer>', '`iss` of the ownership tokens')
    .requiredOption(
      '--audience <name>',
      '`aud` of the ownership tokens: what the gatekeeper is called in them',
    )
    .requiredOption('--base <url>', "base address of the proxy's public HTTPS port", httpsUrl)
    .option('--ca-file <file>', 'authorities in PEM form to trust there; by default those of the simulator')
    .option('--host <address>', 'address of this machine to listen on', '127.0.0.1')
    .option('--chat-port <port>', 'port of the chat channel; 0 takes a free one', portNumber, 5_220)
    .option('--http-port <port>', 'port of enlistment and keys; 0 takes a free one', portNumber, 8_444)
    .option('--integrator <number>', "the provider's number at the gatekeeper", integratorNumber, 7)
    .option('--authority-file <file>', 'where the authority of its HTTPS port is written', 'simulator-ca.pem')
    .addHelpText('after', simulateHelp)
    .action(simulate);
}

async function simulate(options: SimulateOptions): Promise<void> {
  const simulation = await openSimulation(options);
  process.stdout.write(`${simulation.configuration}# Romeo, who answers: ${simulation.peer}\n`);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve());
  const isAttached = await simulation.attach();
  process.stdout.write(
    isAttached ? '# The keys of the provider are here.\n' : '# The proxy does not answer yet.\n',
  );
  await stopped.promise;
  await simulation.close();
}

function httpsUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return text;
  throw new InvalidArgumentError('An https URL without a user.');
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const parsed = parseHostPort(text);
  if (parsed.kind === 'malformed') throw new InvalidArgumentError('host:port, such as 127.0.0.1:5223.');
  return parsed.address;
}

function milliseconds(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value >= 100 && value <= 600_000) return value;
  throw new InvalidArgumentError('Milliseconds, 100 to 600000.');
}

function integratorNumber(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 65_535) return value;
  throw new InvalidArgumentError('A number from 0 to 65535.');
}
