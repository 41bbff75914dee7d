/** The proxy of the demo, between the parties of the simulator. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { treatmentOf } from '../../policy/policy.ts';
import { domain, host } from '../../simulator/story/cast.ts';
import type { Intermediary } from '../../simulator/story/scene.ts';
import type { ChatStage } from '../../simulator/story/chat/stage.ts';
import type { Stage } from '../../simulator/story/stage.ts';
import { systemClock } from '../clock.ts';
import { assemble } from '../part.ts';
import { startProxy, type Proxy } from '../proxy.ts';
import {
  chatDemoConfig,
  demoConfig,
  gatekeeperName,
  writeDemoFiles,
  type DemoConfigOptions,
  type DemoFiles,
} from './config.ts';
import { freePort } from './free-port.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { openTelemetry } from '../telemetry/telemetry.ts';
import { openPolicy } from '../files/policies.ts';
import { productVersion } from '../version.ts';

export interface DemoProxy extends Intermediary {
  /** Ports of STARTTLS and of direct TLS. */
  readonly ports: readonly number[];
  /** Certificate authority of the proxy, in PEM form. */
  readonly caFile: string;
  /** Ends the proxy and removes its files. */
  close(): Promise<void>;
}

/** Starts the proxy of the XMPP story.
 *  @param options a port 0 selects a free one
 *  @throws SetupError when a port cannot be opened; Refusal ERR_TEMPORARY_FILE */
export function startDemoProxy(stage: Stage, options: DemoConfigOptions): Promise<DemoProxy> {
  return startBetween(stage, options, (files, filled) => demoConfig(stage, files, filled));
}

/** Starts the proxy of the story over the chat channel, and tells the provider where it gets references.
 *  @param options a port 0 selects a free one
 *  @throws SetupError when a port cannot be opened; Refusal ERR_TEMPORARY_FILE */
export async function startChatDemoProxy(stage: ChatStage, options: DemoConfigOptions): Promise<DemoProxy> {
  const uploadToken = randomBytes(32).toString('base64url');
  const build = (files: DemoFiles, filled: DemoConfigOptions): Config => chatDemoConfig(stage, files, filled);
  const proxy = await startBetween(stage, options, build, uploadToken);
  stage.provider.refer({
    url: `${proxy.url}/media/references`,
    gatekeeper: gatekeeperName,
    bearer: uploadToken,
    caller: { ca: stage.authority.certificate },
  });
  return proxy;
}

async function startBetween(
  stage: Stage | ChatStage,
  options: DemoConfigOptions,
  build: (files: DemoFiles, options: DemoConfigOptions) => Config,
  uploadToken = '',
): Promise<DemoProxy> {
  return assemble(async (parts) => {
    const folder = parts.track(new TemporaryFolder());
    // The public address must be known before the port is opened.
    const httpPort = options.httpPort === 0 ? await freePort() : options.httpPort;
    const files = writeDemoFiles(folder, stage, uploadToken);
    const proxy = await start(build(files, { ...options, httpPort }));
    parts.track({ close: () => proxy.close(0) });
    const [port, direct] = proxy.ports;
    return {
      endpoint: { host, port: port!, tls: 'starttls' as const, ca: stage.authority.certificate, domain },
      url: `https://${host}:${httpPort}`,
      gatekeeper: gatekeeperName,
      fetchesForClients: fetchesForClients(options.policy),
      ports: [port!, direct!],
      caFile: files.ca,
    };
  });
}

export function fetchesForClients(policy: string): boolean {
  return treatmentOf(openPolicy(policy), 'client', 'content.media-url').treatment.kind === 'pseudonymise';
}

async function start(config: Config): Promise<Proxy> {
  const options = { version: productVersion(), processMetrics: false, clock: systemClock };
  const { observer } = await openTelemetry(
    {
      log: { level: 'error', unauthenticatedLinesPerSecondMax: 0 },
      tracing: { sampleRatio: 1, resource: {} },
    },
    options,
  );
  return startProxy(config, observer);
}
