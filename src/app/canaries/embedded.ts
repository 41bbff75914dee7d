/** Canaries through a proxy of this machine: a scripted gatekeeper of each protocol, the embedded provider, and a proxy as
 *  a process of its own, configured as the demo is. */
import { canariesOf, type Canary } from '../../canaries/canary.ts';
import type { CanaryReport } from '../../canaries/findings.ts';
import { ChatScript } from '../../canaries/chat-script.ts';
import { Script } from '../../canaries/script.ts';
import {
  startScriptedChatGatekeeper,
  type ScriptedChatGatekeeper,
} from '../../canaries/scripted-chat-gatekeeper.ts';
import { startScriptedGatekeeper, type ScriptedGatekeeper } from '../../canaries/scripted-gatekeeper.ts';
import type { Policy } from '../../policy/policy.ts';
import { domain, host } from '../../simulator/story/cast.ts';
import { receivedByGatekeeper, receivedByProvider } from '../../simulator/story/records.ts';
import { Scene } from '../../simulator/story/scene.ts';
import { openStage, type Stage } from '../../simulator/story/stage.ts';
import { gatekeeperName } from '../demo/config.ts';
import { freePort } from '../demo/free-port.ts';
import { TemporaryFolder } from '../demo/temporary-folder.ts';
import { Telling } from '../../simulator/story/telling.ts';
import { openCatalogue, openPolicy } from '../files/policies.ts';
import { assemble } from '../part.ts';
import { chatDomain, writeCanaryConfig } from './config.ts';
import { openCollector, type Collector } from './collector.ts';
import { readFiles } from './files.ts';
import { Gathering } from './gathering.ts';
import { sendHttpCanaries } from './http.ts';
import { shippedProgram, startProxyProcess, type ProxyProcess } from './process.ts';
import { answerMs, everythingLeft, holdingMs } from './waits.ts';

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
  readonly chatGatekeeper: ScriptedChatGatekeeper;
  readonly collector: Collector;
  readonly proxy: ProxyProcess;
  readonly ledgerFolder: string;
  readonly url: string;
  /** `http://host:port` of the admin port. */
  readonly admin: string;
}

/** Sends a canary in every field, and searches every place for them.
 *  @throws ProxyEnded when the proxy does not start, or ends too early; SimulatorError when another party does not
 *  start; Refusal ERR_TEMPORARY_FILE; PolicyRefused, FileMissing of a policy */
export async function runEmbeddedCanaries(options: EmbeddedOptions): Promise<CanaryReport> {
  const policy = openPolicy(options.policy);
  const expected = openPolicy(options.expected ?? options.policy);
  const canaries = canariesOf(openCatalogue());
  const { onStep = () => {} } = options;
  const gathering = new Gathering(canaries);
  const setting = await openSetting(options);
  try {
    const clientReceived: Buffer[] = [];
    const sendAndSearch = async (): Promise<ReadonlyMap<Canary, string>> => {
      onStep(`sending ${canaries.sent.length} values through the proxy`);
      const outcomes = await sendAll(setting, policy, canaries.sent, clientReceived);
      await everythingLeft(policy, setting.admin, answerMs);
      onStep('searching the memory of the proxy');
      await gathering.lookInside(setting.proxy.inspector);
      await gathering.lookAtPages(setting.proxy.pid);
      onStep('searching what the parties received and what the proxy recorded');
      await gathering.lookAtAdmin(setting.admin);
      return outcomes;
    };
    const sending = await setting.proxy.whileRunning(sendAndSearch());
    await searchRecords(setting, gathering, canaries.sent);
    const { gatekeeper, chatGatekeeper, stage } = setting;
    const atGatekeepers = [...gatekeeper.received, ...chatGatekeeper.received];
    gathering.look('gatekeeper', Buffer.concat(atGatekeepers), receivedByGatekeeper(stage.records), storageRequests(stage)); // prettier-ignore
    gathering.look('client', Buffer.concat(clientReceived));
    gathering.look('provider', receivedByProvider(stage.records));
    return gathering.report(sending, expected);
  } finally {
    await setting.close();
  }
}

/** Sends the canaries of XMPP, of HTTP and of the chat channel.
 *  @returns what became of each */
async function sendAll(
  setting: Setting,
  policy: Policy,
  canaries: readonly Canary[],
  received: Buffer[],
): Promise<ReadonlyMap<Canary, string>> {
  const { proxy, stage, gatekeeper, chatGatekeeper, url } = setting;
  const port = proxy.ports[1]!;
  const endpoint = { host, port, tls: 'direct', ca: stage.authority.certificate, domain } as const;
  const script = new Script({
    gatekeeper,
    proxy: { host, port },
    ca: endpoint.ca,
    domain,
    mediaOrigins: { 'to-gatekeeper': stage.provider.url, 'to-client': stage.gatekeeper.services.url },
    received,
    timeoutMs: answerMs,
  });
  const intermediary = { endpoint, url, gatekeeper: gatekeeperName, fetchesForClients: true };
  const scene = new Scene(stage, intermediary, new Telling(() => {}));
  const chatScript = new ChatScript({
    gatekeeper: chatGatekeeper,
    endpoint: { ...endpoint, domain: chatDomain },
    token: async () => (await scene.ownershipToken()).token,
    received,
    timeoutMs: answerMs,
    holdingMs: holdingMs(policy),
  });
  const inStreams = await script.play(canaries.filter(isOfXmpp));
  const overHttp = await sendHttpCanaries(
    canaries.filter(({ field }) => field.where === 'http'),
    { scene, sendAddress: (direction, address) => script.sendAddress(direction, address), received },
  );
  const inChat = await chatScript.play(canaries.filter((canary) => !isOfXmpp(canary)));
  return new Map<Canary, string>([...inStreams, ...overHttp, ...inChat]);
}

function isOfXmpp({ field }: Canary): boolean {
  return field.protocol === 'xmpp';
}

/** Searches what the proxy recorded; it ends by an exception. */
async function searchRecords(
  { proxy, collector, ledgerFolder }: Setting,
  gathering: Gathering,
  canaries: readonly Canary[],
): Promise<void> {
  const before = proxy.printed().length;
  await crash(proxy, canaries);
  gathering.look('output', proxy.printed().subarray(0, before));
  gathering.look('crash', proxy.printed().subarray(before));
  gathering.look('traces', Buffer.concat(collector.received));
  gathering.look('ledger', ...(await readFiles(ledgerFolder)));
}

function openSetting({ policy, program = shippedProgram }: EmbeddedOptions) {
  return assemble(async (parts): Promise<Setting> => {
    const folder = parts.track(new TemporaryFolder());
    const stage = parts.track(await openStage());
    const pair = stage.authority.issue([domain, host]);
    const gatekeeper = parts.track(await startScriptedGatekeeper(pair, host));
    const chatGatekeeper = parts.track(await startScriptedChatGatekeeper(host));
    const collector = parts.track(await openCollector(host));
    const httpPort = await freePort();
    const { file, ledgerFolder } = writeCanaryConfig({
      folder,
      stage,
      gatekeeper,
      chatGatekeeper,
      otlpEndpoint: collector.endpoint,
      policy,
      httpPort,
    });
    const proxy = parts.track(await startProxyProcess(file, program));
    const [url, admin] = [`https://${host}:${httpPort}`, `http://${host}:${proxy.adminPort}`];
    return { stage, gatekeeper, chatGatekeeper, collector, proxy, ledgerFolder, url, admin };
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
