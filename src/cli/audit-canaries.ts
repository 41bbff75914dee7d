/** `narthex audit canaries`: a unique value in every field through a real proxy, and where each of them is found. */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { LiveAccount } from '../app/canaries/live.ts';
import type { CanaryReport } from '../canaries/findings.ts';
import { canariesJson, canariesText, type RunPolicies } from '../canaries/render.ts';
import { parseHostPort } from '../config/address.ts';
import { loadConfig } from '../config/load.ts';
import { exitCodes } from '../errors/exit.ts';
import { exitOnSignal } from './command-io.ts';
import { misused, unreadable } from './input-error.ts';
import { report } from './report.ts';

interface CanariesOptions {
  readonly policy?: string;
  readonly expect?: string;
  readonly format: 'text' | 'json';
  readonly config?: string;
  readonly account?: string;
  readonly passwordFile?: string;
  readonly contact?: string;
  readonly contactPasswordFile?: string;
  readonly connect?: string;
  readonly contactConnect?: string;
  readonly ca?: string;
  readonly contactCa?: string;
  readonly log?: string;
  readonly inspector?: string;
  readonly pid?: string;
}

const help = `
Without --config it starts a gatekeeper, a provider and a proxy on loopback, as \`narthex demo\` does. With --config it uses a
deployment and two test accounts: one logs in through the proxy, its contact at the gatekeeper. A unique value is sent in every
field of the catalogue, in every direction that the field has. Then each value is searched for, plain and in the forms that it
could take: in what every other party received, in everything that the proxy recorded, and in its memory.
docs/canaries.md explains each place.

Examples:
  $ narthex audit canaries                        # under balanced
  $ narthex audit canaries --policy ours.yaml --format json
  $ narthex audit canaries --policy passthrough --expect strict   # what strict would hide: leaks
  $ narthex audit canaries --config narthex.yaml --account canary@chat.example --password-file canary.password \\
      --contact peer@chat.example --contact-password-file peer.password --log narthex.log

Exit codes: 0 no leak, 1 a leak (ERR_CANARY_LEAK), 64 wrong usage, 65 the policy is wrong, 66 no such file, 69 the proxy does
not start or ends too early (ERR_CANARY_PROXY), 70 a party does not answer, 73 the temporary files cannot be written, 78 the
configuration is wrong.`;

/** Adds the subcommand to `audit`. */
export function registerCanaries(audit: Command): void {
  audit
    .command('canaries')
    .summary('send a unique value in every field, and search every place for it')
    .description('Sends a unique value in every field through a proxy, and searches every place for it.')
    .option(
      '--policy <policy>',
      'a shipped policy or a file that the embedded proxy runs under (default: balanced)',
    )
    .option('--expect <policy>', 'compare with this policy in place of the one in force')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--config <file>', 'configuration of a running proxy, in place of an embedded one')
    .option('--account <jid>', 'test account that logs in through the proxy')
    .option('--password-file <file>', 'file with its password')
    .option('--contact <jid>', 'test account that logs in at the gatekeeper')
    .option('--contact-password-file <file>', 'file with its password')
    .option('--connect <host:port>', 'address of the proxy; by default its first listener, on this machine')
    .option('--contact-connect <host:port>', 'address of the gatekeeper; by default as in the configuration')
    .option('--ca <file>', 'authorities of the proxy (PEM); by default the public ones')
    .option('--contact-ca <file>', 'authorities of the gatekeeper (PEM); by default as in the configuration')
    .option('--log <file>', 'file or folder with the output of the proxy')
    .option('--inspector <url>', "the proxy's inspector, ws://…, for its heap and buffers")
    .option('--pid <number>', 'process id of the proxy, for its pages')
    .addHelpText('after', help)
    .action(canaries);
}

async function canaries(options: CanariesOptions): Promise<void> {
  const [found, policies] = await (options.config === undefined ? embedded(options) : live(options));
  const text =
    options.format === 'json' ? `${canariesJson(found, policies)}\n` : canariesText(found, policies);
  process.stdout.write(text);
  const { leaks } = found;
  if (leaks.length === 0) return;
  const fields = new Set(leaks.map(({ sighting }) => sighting.canary.field.name));
  const message = `${leaks.length} values of ${fields.size} fields are where they must not be`;
  report({ severity: 'error', code: 'ERR_CANARY_LEAK', message }, process.stderr);
  process.exitCode = exitCodes.negative;
}

type Run = Promise<readonly [CanaryReport, RunPolicies]>;

async function embedded({ policy = 'balanced', expect: expected, account }: CanariesOptions): Run {
  if (account !== undefined) throw misused('--account is for a running proxy: give its --config');
  // Loaded here, since it has a whole proxy: `narthex audit` of a recording is to take little memory.
  const { runEmbeddedCanaries } = await import('../app/canaries/embedded.ts');
  exitOnSignal();
  const found = await runEmbeddedCanaries({ policy, expected, onStep: printStep });
  return [found, { policy, expected: expected ?? policy }];
}

async function live(options: CanariesOptions): Run {
  if (options.policy !== undefined) throw misused('--policy is for an embedded proxy; see --expect');
  const { gatekeeperOf, policyFor, runLiveCanaries } = await import('../app/canaries/live.ts');
  const { config } = await loadConfig({
    file: options.config,
    environment: process.env,
    folder: process.cwd(),
  });
  const account = await liveAccount('--account', options.account, options.passwordFile);
  const contact = await liveAccount('--contact', options.contact, options.contactPasswordFile);
  const [listener] = config.listeners;
  const gatekeeper = gatekeeperOf(config, account.domain);
  if (gatekeeper === undefined) throw misused(`the configuration serves no domain ${account.domain}`);
  if (gatekeeper.protocol === 'chat-channel')
    throw misused('that domain is on the chat channel: a run without --config sends its values');
  const at = 'address' in gatekeeper.connect ? gatekeeper.connect : { address: undefined, tls: undefined };
  const found = await runLiveCanaries({
    config,
    account: {
      ...account,
      ...hostPort('--connect', options.connect ?? `127.0.0.1:${listener!.port}`),
      tls: listener!.tls,
      caFile: options.ca,
    },
    contact: {
      ...contact,
      ...hostPort('--contact-connect', options.contactConnect ?? at.address),
      tls: at.tls ?? 'starttls',
      caFile: options.contactCa ?? gatekeeper.caFile,
    },
    expected: options.expect,
    output: options.log,
    inspector: options.inspector,
    pid: processId(options.pid),
    onStep: printStep,
  });
  const policy = policyFor(config, account.domain);
  return [found, { policy, expected: options.expect ?? policy }];
}

/** Reads name and password of an account.
 *  @throws InputError ERR_OPTION, ERR_FILE */
async function liveAccount(
  option: string,
  jid: string | undefined,
  passwordFile: string | undefined,
): Promise<Pick<LiveAccount, 'username' | 'domain' | 'password'>> {
  const [, username, domain] = /^([^@/]+)@([^@/]+)$/.exec(jid ?? '') ?? [];
  if (username === undefined || domain === undefined)
    throw misused(`${option} is a bare JID, such as canary@chat.example`);
  if (passwordFile === undefined) throw misused(`${option} needs a file with its password`);
  const text = await readFile(passwordFile, 'utf8').catch(() => {
    throw unreadable(passwordFile);
  });
  return { username, domain, password: text.split('\n', 1)[0]!.replace(/\r$/, '') };
}

/** @throws InputError ERR_OPTION */
function processId(text: string | undefined): number | undefined {
  if (text !== undefined && !/^[1-9][0-9]*$/.test(text)) throw misused('--pid is a number');
  return text === undefined ? undefined : Number(text);
}

/** @throws InputError ERR_OPTION */
function hostPort(
  option: string,
  text: string | undefined,
): { readonly host: string; readonly port: number } {
  const parsed = parseHostPort(text ?? '');
  if (parsed.kind === 'malformed') throw misused(`${option} is host:port`);
  return parsed.address;
}

function printStep(step: string): void {
  process.stderr.write(`${step} …\n`);
}
