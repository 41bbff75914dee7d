/** `narthex init`: the files of a first proxy. */
import { join, relative } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { initialFiles, type InitOptions } from '../app/init/configuration.ts';
import { writeAll } from '../app/init/write.ts';
import { domain, hostPort } from '../config/values.ts';
import { portNumber } from './command-io.ts';
import { misused } from './input-error.ts';

const help = `
Writes narthex.yaml with the shipped policy \`balanced\`, one capability profile, and the secret of pseudonyms. Secrets are
for their owner only: files with mode 0600 in a folder with mode 0700. Where a file is there already, nothing is written.

Example:
  $ narthex init proxy --domain chat.example --gatekeeper xmpp.gatekeeper.example:5222 --dev-certificates

Exit codes: 0 written, 64 wrong usage, 73 a file is there already or cannot be written.
Next: docs/quickstart-prosody.md and docs/quickstart-ejabberd.md lead from here to a message.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('init')
    .description('Write the configuration of a first proxy, with the keys and profiles that it names.')
    .argument('[folder]', 'where to; it is made where it is missing', '.')
    .option('--domain <domain>', 'domain that clients ask for', domainName, 'chat.example')
    .option('--gatekeeper <host:port>', "the gatekeeper's server", address, 'xmpp.gatekeeper.example:5222')
    .addOption(
      new Option('--gatekeeper-tls <tls>', 'how TLS starts there')
        .choices(['starttls', 'direct'])
        .default('starttls'),
    )
    .option('--port <port>', 'port for clients, STARTTLS', portNumber, 5222)
    .option('--tls-port <port>', 'port for clients, direct TLS', portNumber, 5223)
    .option('--admin-port <port>', 'port of probes and metrics, on this machine only', portNumber, 9090)
    .option('--dev-certificates', 'also make an authority and a certificate of it, to try things', false)
    .option('--force', 'overwrite files that are there; secrets and certificates are then new', false)
    .addHelpText('after', help)
    .action(init);
}

async function init(
  folder: string,
  { force, ...options }: InitOptions & { readonly force: boolean },
): Promise<void> {
  const ports = [options.port, options.tlsPort, options.adminPort].filter((port) => port !== 0);
  if (new Set(ports).size < ports.length) throw misused('two of the three ports are the same');
  const files = initialFiles(options);
  await writeAll(folder, files, force);
  const written = files.map(({ path, secret }) => `  ${join(folder, path)}${secret ? ' (secret)' : ''}`);
  process.stdout.write(`${['Written:', ...written, '', ...nextSteps(folder, options)].join('\n')}\n`);
}

function nextSteps(folder: string, { devCertificates }: InitOptions): readonly string[] {
  const file = relative('.', join(folder, 'narthex.yaml'));
  return [
    ...(devCertificates
      ? []
      : [`First put your certificate and its key where ${file} says (--dev-certificates makes a pair).`]),
    'Next:',
    `  narthex check ${file}`,
    `  narthex serve ${file}`,
  ];
}

function domainName(text: string): string {
  return checked(domain.safeParse(text), text);
}

function address(text: string): string {
  return checked(hostPort.safeParse(text), text);
}

function checked(
  parsed: {
    readonly success: boolean;
    readonly error?: { readonly issues: readonly { message: string }[] } | undefined;
  },
  text: string,
): string {
  if (parsed.success) return text;
  throw new InvalidArgumentError(parsed.error?.issues[0]?.message ?? 'It cannot be read.');
}
