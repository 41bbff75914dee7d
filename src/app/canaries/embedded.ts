/** Canaries through a proxy of this machine: a scripted gatekeeper, the embedded provider, and a proxy as a process of
 *  its own, configured as the demo is. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canariesOf, type Canary } from '../../canaries/canary.ts';
import type { CanaryReport } from '../../canaries/findings.ts';
import { Script } from '../../canaries/script.ts';
import { startScriptedGatekeeper, type ScriptedGatekeeper } from '../../canaries/scripted-gatekeeper.ts';
import { domain, host } from '../../simulator/story/cast.ts';
import { receivedByGatekeeper, receivedByProvider } from '../../simulator/story/records.ts';
import { openStage, type Stage } from '../../simulator/story/stage.ts';
import { demoConfig, gatekeeperName, writeDemoFiles } from '../demo/config.ts';
import { freePort, temporaryFolder } from '../demo/proxy.ts';
import { openCatalogue, openPolicy } from '../files/policies.ts';
import { assemble } from '../part.ts';
import { openCollector, type Collector } from './collector.ts';
import { readFiles } from './files.ts';
import { Gathering } from './gathering.ts';
import { sendHttpCanaries } from './http.ts';
import { shippedProgram, startProxyProcess, type ProxyProcess } from './process.ts';
import { answerMs, everythingLeft } from './waits.ts';

export interface EmbeddedOptions {
  /** A shipped policy or a file; the proxy runs under it. */
  readonly policy: string;
  /** The policy that the findings are compared with; by default the one that the proxy runs under. */
  readonly expected?: string | undefined;
  /** Arguments of Node up to the command `serve`; by default those of this program. */
  readonly program?: readonly string[] | undefined;
  /** Called at each step, with a sentence for a person who waits. */
  readonly onStep?: ((step: string) => void) | undefined;
}

interface Setting {
  readonly stage: Stage;
  readonly gatekeeper: ScriptedGatekeeper;
  readonly collector: Collector;
  readonly proxy: ProxyProcess;
  readonly ledgerFolder: string;
  readonly url: string;
  /** `http://host:port` of the admin port. */
  readonly admin: string;
}

/** Sends a canary in every field, and searches every place for them.
 *  @throws ProxyNotStarted, SimulatorError when a party does not start; PolicyRefused, FileMissing of a policy */
export async function runEmbeddedCanaries(options: EmbeddedOptions): Promise<CanaryReport> {
  const policy = openPolicy(options.policy);
  const expected = openPolicy(options.expected ?? options.policy);
  const canaries = canariesOf(openCatalogue());
  const { onStep = () => {} } = options;
  const gathering = new Gathering(canaries);
  let sending: ReadonlyMap<Canary, string>;
  const setting = await openSetting(options);
  try {
    onStep(`sending ${canaries.sent.length} values through the proxy`);
    const clientReceived: Buffer[] = [];
    sending = await sendAll(setting, canaries.sent, clientReceived);
    await everythingLeft(policy, setting.admin, answerMs);
    onStep('searching the memory of the proxy');
    await gathering.lookInside(setting.proxy.inspector);
    await gathering.lookAtPages(setting.proxy.pid);
    onStep('searching what the parties received and what the proxy recorded');
    await searchRecords(setting, gathering, canaries.sent);
    const { gatekeeper, stage } = setting;
    gathering.look('gatekeeper', Buffer.concat(gatekeeper.received), receivedByGatekeeper(stage.records), storageRequests(stage)); // prettier-ignore
    gathering.look('client', Buffer.concat(clientReceived));
    gathering.look('provider', receivedByProvider(stage.records));
  } finally {
    await setting.close();
  }
  return gathering.report(sending, expected);
}

/** Sends the canaries of streams, then those of HTTP.
 *  @returns what became of each */
async function sendAll(
  { proxy, stage, gatekeeper, url }: Setting,
  canaries: readonly Canary[],
  received: Buffer[],
): Promise<ReadonlyMap<Canary, string>> {
  const ca = stage.authority.certificate;
  const port = proxy.ports[1]!;
  const script = new Script({
    gatekeeper,
    proxy: { host, port },
    ca,
    domain,
    mediaOrigins: { 'to-gatekeeper': stage.provider.url, 'to-client': stage.gatekeeper.services.url },
    received,
    timeoutMs: answerMs,
  });
  const inStreams = await script.play(canaries);
  const overHttp = await sendHttpCanaries(
    canaries.filter(({ field }) => field.where === 'http'),
    {
      stage,
      intermediary: {
        endpoint: { host, port, tls: 'direct', ca, domain },
        url,
        gatekeeper: gatekeeperName,
        fetchesForClients: true,
      },
      sendAddress: (direction, address) => script.sendAddress(direction, address),
      received,
    },
  );
  return new Map<Canary, string>([...inStreams, ...overHttp]);
}

/** Searches what the proxy recorded; it ends by an exception. */
async function searchRecords(
  { admin, proxy, collector, ledgerFolder }: Setting,
  gathering: Gathering,
  canaries: readonly Canary[],
): Promise<void> {
  await gathering.lookAtAdmin(admin);
  const before = proxy.printed().length;
  await crash(proxy, canaries);
  gathering.look('output', proxy.printed().subarray(0, before));
  gathering.look('crash', proxy.printed().subarray(before));
  gathering.look('traces', Buffer.concat(collector.received));
  gathering.look('ledger', ...(await readFiles(ledgerFolder)));
}

function openSetting({ policy, program = shippedProgram }: EmbeddedOptions) {
  return assemble(async (parts): Promise<Setting> => {
    const folder = parts.track(await temporaryFolder());
    const stage = parts.track(await openStage());
    const pair = stage.authority.issue([domain, host]);
    const gatekeeper = parts.track(await startScriptedGatekeeper(pair, host));
    const collector = parts.track(await openCollector(host));
    const httpPort = await freePort();
    const files = await writeDemoFiles(folder.path, stage);
    const config = demoConfig(stage, files, { policy, port: 0, tlsPort: 0, httpPort });
    const ledgerKey = join(folder.path, 'ledger.pem');
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(ledgerKey, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const ledgerFolder = join(folder.path, 'ledger');
    await mkdir(ledgerFolder);
    const file = join(folder.path, 'narthex.yaml');
    const text = JSON.stringify({
      ...config,
      gatekeepers: config.gatekeepers.map((one) =>
        Object.assign({}, one, { connect: { address: `${host}:${gatekeeper.port}`, tls: 'direct' } }),
      ),
      admin: { host, port: 0 },
      log: { level: 'debug', unauthenticatedLinesPerSecondMax: 0 },
      tracing: { otlpEndpoint: collector.endpoint },
      ledger: { recordsFolder: ledgerFolder, keyFile: ledgerKey, intervalMs: 1_000 },
      limits: { ...config.limits, stanzasPerSecondMax: 0 },
    });
    await writeFile(file, text, { mode: 0o600 });
    const proxy = parts.track(await startProxyProcess(file, program));
    const [url, admin] = [`https://${host}:${httpPort}`, `http://${host}:${proxy.adminPort}`];
    return { stage, gatekeeper, collector, proxy, ledgerFolder, url, admin };
  });
}

/** Throws an exception with every value in its message, outside of any session, and waits for the end of the process. */
async function crash({ inspector, ended }: ProxyProcess, canaries: readonly Canary[]): Promise<void> {
  const message = JSON.stringify(canaries.map(({ marker }) => marker.value).join(' '));
  await inspector.evaluate(`setImmediate(() => { throw new TypeError(${message}); })`);
  inspector.close();
  await ended;
}

/** Returns downloads from the gatekeeper's storage; its own app's requests have a password. */
function storageRequests({ records }: Stage): string {
  return records.gatekeeper.http
    .filter(({ through, exchange }) => through === 'storage' && exchange.request.method !== 'PUT')
    .map(
      ({ exchange: { request } }) =>
        `${request.method} ${request.target}\n${JSON.stringify(request.headers)}`,
    )
    .join('\n');
}
