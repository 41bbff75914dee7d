/** The proxy of the demo: a whole configuration on loopback, for the simulator's parties. */
import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { configSchema, type Config } from '../config/schema.ts';
import { openLog } from '../observability/log.ts';
import { createMetrics } from '../observability/metrics.ts';
import { openTracing } from '../observability/tracing.ts';
import { treatmentOf } from '../policy/policy.ts';
import { domain, host, names } from '../simulator/story/cast.ts';
import type { Intermediary } from '../simulator/story/scene.ts';
import type { Stage } from '../simulator/story/stage.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { createObserver } from './telemetry/observe.ts';
import { openPolicy } from './files/policies.ts';

export interface DemoProxyOptions {
  /** A shipped policy or a file. */
  readonly policy: string;
  /** TCP ports; 0 takes a free one. */
  readonly port: number;
  readonly tlsPort: number;
  readonly httpPort: number;
  /** Default: clients authenticate to the gatekeeper. */
  readonly channelBinding?: Config['gatekeepers'][number]['channelBinding'];
}

export interface DemoProxy extends Intermediary {
  /** STARTTLS and direct TLS. */
  readonly ports: readonly number[];
  /** Certificate authority for clients, in PEM form. */
  readonly caFile: string;
  /** Ends the proxy and removes its files. */
  close(): Promise<void>;
}

/** How the configuration names the gatekeeper. */
const gatekeeperName = 'embedded';

/** @throws SetupError when a port cannot be had */
export async function startDemoProxy(stage: Stage, options: DemoProxyOptions): Promise<DemoProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-demo-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also where the process ends before the demo does: by Ctrl-C, or when nobody reads on.
  process.once('exit', remove);
  try {
    const httpPort = options.httpPort === 0 ? await freePort() : options.httpPort;
    const files = await writeFiles(folder, stage);
    const proxy = await start(demoConfig(stage, files, { ...options, httpPort }));
    const [port, direct] = proxy.ports;
    return {
      endpoint: { host, port: port!, tls: 'starttls', ca: stage.authority.certificate, domain },
      url: `https://${host}:${httpPort}`,
      gatekeeper: gatekeeperName,
      fetchesForClients: fetchesForClients(options.policy),
      ports: [port!, direct!],
      caFile: files.ca,
      async close() {
        await proxy.close(0);
        process.off('exit', remove);
        remove();
      },
    };
  } catch (error) {
    process.off('exit', remove);
    remove();
    throw error;
  }
}

function fetchesForClients(policy: string): boolean {
  return treatmentOf(openPolicy(policy), 'client', 'content.media-url').treatment.kind === 'pseudonymise';
}

/** The public address has to be known before the port is opened. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Files {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** That of the gatekeeper's calls: nobody else may push or fetch media. */
  readonly gatekeeperCertificate: string;
  /** Folder of the keys that attestations are signed with. */
  readonly signingKeys: string;
}

async function writeFiles(folder: string, { authority, gatekeeper }: Stage): Promise<Files> {
  const write = async (name: string, content: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  const pair = authority.issue([domain, host]);
  const { privateKey } = generateKeyPairSync('ed25519');
  const signingKeys = join(folder, 'signing-keys');
  await mkdir(signingKeys, { mode: 0o700 });
  await write('signing-keys/spring.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return {
    ca: await write('ca.crt', authority.certificate),
    certificate: await write('localhost.crt', pair.certificate),
    key: await write('localhost.key', pair.key),
    gatekeeperCertificate: await write('gatekeeper.crt', gatekeeper.callerCertificate),
    signingKeys,
  };
}

const shipped = (path: string): string => fileURLToPath(new URL(`../../policies/${path}`, import.meta.url));

function demoConfig({ gatekeeper, provider }: Stage, files: Files, options: DemoProxyOptions): Config {
  const { services, endpoint } = gatekeeper;
  return configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [
      { name: 'starttls', host, port: options.port, tls: 'starttls' },
      { name: 'direct', host, port: options.tlsPort, tls: 'direct' },
    ],
    certificates: [{ certFile: files.certificate, keyFile: files.key }],
    domains: [{ domain, gatekeeper: gatekeeperName }],
    gatekeepers: [
      {
        name: gatekeeperName,
        connect: { address: `${host}:${endpoint.port}`, tls: 'direct' },
        caFile: files.ca,
        channelBinding: options.channelBinding,
        enlistment: { url: `${services.url}/enlistments`, answerMembers: ['status'] },
        push: {
          issuer: names.gatekeeper,
          jwksUri: `${services.url}/.well-known/jwks.json`,
          caFile: files.ca,
          certFile: files.gatekeeperCertificate,
        },
        media: {
          certFile: files.gatekeeperCertificate,
          hosts: [services.url],
          caFile: files.ca,
          allowAddresses: [`${host}/32`],
        },
        attestation: { audience: names.gatekeeper, carriers: { stream: {}, http: {} }, required: true },
      },
    ],
    policy: { file: options.policy },
    signals: { issuer: names.intermediary, keysFolder: files.signingKeys },
    capabilities: {
      contentKinds: shipped('content-kinds.yaml'),
      profiles: shipped('capabilities'),
    },
    provider: {
      issuer: names.provider,
      jwksUri: `${provider.url}/.well-known/jwks.json`,
      configurationUri: `${provider.url}/.well-known/openid-configuration`,
      audiences: [names.gatekeeper],
      caFile: files.ca,
      push: { url: `${provider.url}/push` },
      media: {
        hosts: [provider.url],
        // Loopback is refused unless it is named: the media servers of the demo are on this machine.
        allowAddresses: [`${host}/32`],
      },
    },
    http: { host, port: options.httpPort, publicUrl: `https://${host}:${options.httpPort}` },
  });
}

async function start(config: Config): Promise<Proxy> {
  const version = 'demo';
  return startProxy(
    config,
    createObserver({
      log: openLog({ level: 'error', now: () => Date.now() }),
      metrics: createMetrics({ version, processMetrics: false }),
      tracing: await openTracing({ endpoint: undefined, version, failed: () => {} }),
      now: () => performance.now(),
    }),
  );
}
