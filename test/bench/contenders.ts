/** The programs that the bench compares, each a process on the measured processor with one port for direct TLS. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/app/demo/free-port.ts';
import { createAuthority } from '../support/certificates.ts';
import type { Memory } from '../support/memory-drift.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { ask } from './child.ts';
import type { CredentialFiles } from './load.ts';
import { processors, spawnPinned, stop } from './pinned.ts';
import type { LoopCounts, ProbeRequest } from './probe.ts';
import type { Checkout } from './row.ts';

export interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Undefined for a program without libuv. */
  loop(): Promise<LoopCounts | undefined>;
  /** Collects garbage, and returns what is left; undefined for a program without V8. */
  memory(): Promise<Memory | undefined>;
  /** Sends a message to a module that was loaded into it, and waits for the answer. */
  ask(message: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** What every contender is started with. */
export interface Surroundings {
  readonly folder: TemporaryFolder;
  readonly credentials: CredentialFiles;
  /** Port of the gatekeeper. */
  readonly upstream: number;
}

export const domain = 'im.example';
const haproxyPath = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));

/** Writes certificates for `domain` and this machine into a folder of their own. */
export async function writeCredentials(): Promise<{ folder: TemporaryFolder; credentials: CredentialFiles }> {
  const folder = await temporaryFolder();
  const authority = createAuthority();
  const { cert, key } = authority.issue({ dns: [domain, 'localhost'] });
  await folder.write('haproxy.pem', cert + key);
  return {
    folder,
    credentials: {
      ca: await folder.write('ca.crt', authority.cert),
      cert: await folder.write('tls.crt', cert),
      key: await folder.write('tls.key', key),
    },
  };
}

/** Joins Node's TLS sockets and reads nothing: the yardstick. */
export function startPipe(around: Surroundings, node: readonly string[] = []): Promise<Contender> {
  return startNodeProxy('pipe', 'pipe', around, node);
}

/** Parses and serialises every stanza with @xmpp/xml. */
export function startReserialiser(around: Surroundings): Promise<Contender> {
  return startNodeProxy('@xmpp/xml', 'xmpp-xml', around);
}

async function startNodeProxy(
  name: string,
  kind: string,
  around: Surroundings,
  node: readonly string[] = [],
): Promise<Contender> {
  const port = await freePort();
  const args = [kind, String(port), String(around.upstream), around.folder.path];
  return startNode(name, port, [join(import.meta.dirname, 'node-proxy.ts'), ...args], node);
}

/** How a Narthex of the bench is configured. */
export interface NarthexSettings {
  readonly policy: 'passthrough' | 'balanced' | 'strict';
  readonly capabilities: boolean;
  /** Options for Node, such as further modules to load. */
  readonly node?: readonly string[];
  /** Name among the contenders; that of the policy by default. */
  readonly name?: string;
  /** Sections that replace or extend those of a gatekeeper that speaks XMPP over TLS. */
  readonly gatekeeper?: Readonly<Record<string, unknown>>;
  readonly provider?: Readonly<Record<string, unknown>>;
  /** The section `http`; none by default. */
  readonly http?: Readonly<Record<string, unknown>>;
}

/** The whole product, `narthex serve`, of a checkout. */
export async function startNarthex(
  { root, suffix }: Checkout,
  { policy, capabilities, node = [], name: called, gatekeeper = {}, provider, http }: NarthexSettings,
  around: Surroundings,
): Promise<Contender> {
  const port = await freePort();
  const { credentials } = around;
  const policies = join(root, 'policies');
  const file = await around.folder.write(
    `narthex-${port}.yaml`,
    JSON.stringify({
      apiVersion: 'narthex/v1',
      kind: 'Proxy',
      listeners: [{ name: 'clients', host: '127.0.0.1', port, tls: 'direct' }],
      certificates: [{ certFile: credentials.cert, keyFile: credentials.key }],
      domains: [{ domain, gatekeeper: 'bench' }],
      gatekeepers: [
        {
          name: 'bench',
          connect: { address: `127.0.0.1:${around.upstream}`, tls: 'direct' },
          caFile: credentials.ca,
          ...gatekeeper,
        },
      ],
      ...(provider && { provider }),
      ...(http && { http }),
      policy: { file: policy },
      ...(capabilities && {
        capabilities: {
          contentKinds: join(policies, 'content-kinds.yaml'),
          profiles: [join(policies, 'capabilities/desktop.yaml')],
        },
      }),
      ...knownSettings(root),
      admin: { host: '127.0.0.1', port: 0 },
    }),
  );
  const name = called ?? `narthex ${policy}${capabilities ? ', capabilities' : ''}${suffix}`;
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: { narthex: string };
  };
  return startNode(name, port, [join(root, bin.narthex), 'serve', file], node);
}

/** Limits that the load would reach, at their greatest: they are counted all the same, which is part of the cost. */
const highestLimits: Readonly<Record<string, number>> = {
  connectionsMax: 1_000_000,
  connectionsPerAddressMax: 1_000_000,
  stanzasPerSecondMax: 100_000,
  stanzaBurstMax: 1_000_000,
  paddingBytesPerSecondMax: 1_000_000_000,
};

/** Returns the sections that keep a proxy from refusing load, with the keys that the revision has. */
function knownSettings(root: string): Record<string, unknown> {
  const { properties } = JSON.parse(
    readFileSync(join(root, 'deploy/schema/narthex.schema.json'), 'utf8'),
  ) as { properties: { limits: { properties: Record<string, unknown> }; overload?: unknown } };
  const known = properties.limits.properties;
  return {
    limits: Object.fromEntries(Object.entries(highestLimits).filter(([name]) => name in known)),
    // Other work on the machine would make it refuse connections.
    ...(properties.overload !== undefined && { overload: { loopDelayMs: 0 } }),
  };
}

async function startNode(
  name: string,
  port: number,
  args: readonly string[],
  node: readonly string[] = [],
): Promise<Contender> {
  const probe = ['--expose-gc', '--import', join(import.meta.dirname, 'probe.ts')];
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
  const child = spawnPinned(processors.contender, process.execPath, [...probe, ...node, ...args], [...stdio]);
  await listening(port, () => child.exitCode !== null);
  return {
    name,
    port,
    pid: child.pid!,
    ask: (message) => ask(child, message),
    loop: async () => (await ask(child, 'probe:loop' satisfies ProbeRequest)) as LoopCounts,
    memory: async () => (await ask(child, 'probe:memory' satisfies ProbeRequest)) as Memory,
    stop: () => stop(child),
  };
}

/** HAProxy, TLS to TLS in TCP mode with one thread; undefined where it is not installed. */
export async function startHaproxy({
  folder,
  credentials,
  upstream,
}: Surroundings): Promise<Contender | undefined> {
  if (haproxyPath === undefined) return undefined;
  const port = await freePort();
  const server = `ssl verify required ca-file ${credentials.ca} sni str(${domain}) verifyhost ${domain}`;
  const file = await folder.write(
    'haproxy.cfg',
    `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend clients
  bind 127.0.0.1:${port} ssl crt ${join(folder.path, 'haproxy.pem')} alpn xmpp-client
  default_backend servers
backend servers
  server echo 127.0.0.1:${upstream} ${server} alpn xmpp-client
`,
  );
  const child = spawnPinned(processors.contender, haproxyPath, ['-db', '-f', file], 'inherit');
  await listening(port, () => child.exitCode !== null);
  return {
    name: 'HAProxy',
    port,
    pid: child.pid!,
    ask: () => Promise.reject(new Error('HAProxy answers nothing')),
    loop: () => Promise.resolve(undefined),
    memory: () => Promise.resolve(undefined),
    stop: () => stop(child),
  };
}

const startMs = 60_000;

/** Waits until something takes connections there. @throws Error when the program has ended, or takes too long. */
async function listening(port: number, ended: () => boolean): Promise<void> {
  for (const deadline = performance.now() + startMs; performance.now() < deadline; await sleep(50)) {
    if (ended()) throw new Error('a contender ended at start');
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
    } finally {
      socket.destroy();
    }
  }
  throw new Error('a contender does not listen');
}
