/** Canaries through a deployment, between two test accounts. */
import { rootCertificates } from 'node:tls';
import { canariesOf } from '../../canaries/canary.ts';
import { exchangeCanaries } from '../../canaries/exchange.ts';
import type { CanaryReport } from '../../canaries/findings.ts';
import { Inspector } from '../../canaries/inspector.ts';
import type { Config } from '../../config/schema.ts';
import { readRegularFile } from '../../documents/read.ts';
import type { Direction } from '../../stanza/direction.ts';
import { connectClient, type Client, type Endpoint } from '../../simulator/client.ts';
import { openCatalogue, openPolicy } from '../files/policies.ts';
import { readFiles } from './files.ts';
import { Gathering } from './gathering.ts';
import { answerMs, everythingLeft } from './waits.ts';

/** An account, and where its client connects. */
export interface LiveAccount {
  readonly username: string;
  readonly password: string;
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'direct' | 'starttls';
  /** PEM file of the authorities to trust; by default the public ones. */
  readonly caFile?: string | undefined;
}

export interface LiveOptions {
  /** The configuration of the proxy. */
  readonly config: Config;
  /** Logs in through the proxy. */
  readonly account: LiveAccount;
  /** Logs in at the gatekeeper. */
  readonly contact: LiveAccount;
  /** The policy that the findings are compared with; by default the one of the account's gatekeeper. */
  readonly expected?: string | undefined;
  /** A file, or a folder of files, with the output of the proxy. */
  readonly output?: string | undefined;
  /** Address of the proxy's inspector, which begins with `ws://`. */
  readonly inspector?: string | undefined;
  /** Process id of the proxy, on this machine. */
  readonly pid?: number | undefined;
  readonly onStep?: ((step: string) => void) | undefined;
}

/** Time in which the proxy ends the sessions of the run, where other sessions go on, in milliseconds. */
const endMs = 5_000;

/** Returns the name or file of the policy that holds for a domain of a configuration. */
export function policyFor(config: Config, domain: string): string {
  return gatekeeperOf(config, domain)?.policy?.file ?? config.policy.file;
}

/** Returns the gatekeeper of a domain. */
export function gatekeeperOf(
  { domains, gatekeepers }: Config,
  domain: string,
): Config['gatekeepers'][number] | undefined {
  const name = domains.find((each) => each.domain === domain)?.gatekeeper;
  return gatekeepers.find((each) => each.name === name);
}

/** Returns a host of a list; a pattern gives one that it matches. */
function firstHost(hosts: readonly string[] | undefined): string | undefined {
  return hosts?.[0]?.replace('*', 'media');
}

/** Returns a media server of each side. */
function mediaOrigins(config: Config, domain: string): Partial<Record<Direction, string>> {
  const [provider, gatekeeper] = [
    config.provider?.media?.hosts,
    gatekeeperOf(config, domain)?.media?.hosts,
  ].map(firstHost);
  return {
    ...(provider === undefined ? {} : { 'to-gatekeeper': provider }),
    ...(gatekeeper === undefined ? {} : { 'to-client': gatekeeper }),
  };
}

/** Sends the canaries that are in stanzas, and searches every place that can be reached.
 *  @throws SimulatorError when a client cannot log in; PolicyRefused, FileMissing of a policy; the system's error where
 *  a file of the options cannot be read */
export async function runLiveCanaries(options: LiveOptions): Promise<CanaryReport> {
  const { config, account, contact, onStep = () => {} } = options;
  const inForce = policyFor(config, account.domain);
  const expected = openPolicy(options.expected ?? inForce);
  const canaries = canariesOf(openCatalogue(config.policy.catalogue));
  const gathering = new Gathering(canaries);
  const received = { account: [] as Buffer[], contact: [] as Buffer[] };
  onStep('sending values between the two accounts');
  const sending = await exchangeCanaries(canaries.sent, {
    account: () => logIn(account, received.account),
    contact: () => logIn(contact, received.contact),
    mediaOrigins: mediaOrigins(config, account.domain),
    timeoutMs: answerMs,
  });
  const admin = adminUrl(config);
  await everythingLeft(openPolicy(inForce), admin, endMs);
  onStep('searching what arrived and what the proxy recorded');
  gathering.look('gatekeeper', Buffer.concat(received.contact));
  gathering.look('client', Buffer.concat(received.account));
  gathering.skip('provider', 'no value is sent by HTTP');
  await gathering.lookAtAdmin(admin);
  await searchRecords(options, gathering);
  return gathering.report(sending, expected);
}

async function searchRecords(
  { config, output, inspector, pid }: LiveOptions,
  gathering: Gathering,
): Promise<void> {
  if (output === undefined) gathering.skip('output', 'no --log');
  else gathering.look('output', ...(await readFiles(output)));
  gathering.skip('traces', 'they are at your collector');
  if (config.ledger === undefined) gathering.skip('ledger', 'the configuration has none');
  else gathering.look('ledger', ...(await readFiles(config.ledger.recordsFolder)));
  gathering.skip('crash', 'the proxy goes on');
  if (inspector === undefined)
    for (const place of ['heap', 'buffers'] as const) gathering.skip(place, 'no --inspector');
  else {
    const opened = await Inspector.open(inspector);
    await gathering.lookInside(opened);
    opened.close();
  }
  if (pid === undefined) gathering.skip('memory', 'no --pid');
  else await gathering.lookAtPages(pid);
}

/** Returns the address of the admin port, seen from this machine. */
function adminUrl({ admin: { host, port } }: Config): string {
  const local = host === '::' ? '[::1]' : host === '0.0.0.0' ? '127.0.0.1' : host;
  return `http://${local}:${port}`;
}

function logIn({ username, password, caFile, ...where }: LiveAccount, received: Buffer[]): Promise<Client> {
  const ca = caFile === undefined ? rootCertificates.join('\n') : readRegularFile(caFile).toString();
  const endpoint: Endpoint = { ...where, ca };
  return connectClient({
    endpoint,
    username,
    password,
    timeoutMs: answerMs,
    onXml: (direction, xml) => {
      if (direction === 'received') received.push(Buffer.from(xml));
    },
  });
}
