/** Two replicas of `narthex serve` at a TCP balancer, HAProxy, with or without a common store. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { programs } from '../../peers/programs.ts';
import { startProcess } from '../../peers/process.ts';
import { ready } from '../../peers/ready.ts';
import type { RedisPeer } from '../../peers/redis.ts';
import type { PeerServer } from '../../peers/server.ts';
import { freePort } from '../../../src/app/demo/free-port.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { eventually, within } from '../../support/wait.ts';

export interface ReplicasOptions {
  readonly server: PeerServer;
  readonly redis: RedisPeer | undefined;
  readonly drainMs: number;
  readonly drainSpreadMs: number;
  /** A shipped policy. */
  readonly policy: string;
}

export interface Replicas {
  /** The balancer's, direct TLS. */
  readonly port: number;
  /** Drains a replica and waits for its end. @returns its exit code */
  drain(index: number): Promise<number | null>;
  /** Kills a replica. */
  kill(index: number): Promise<void>;
  start(index: number): Promise<void>;
  close(): Promise<void>;
}

const launcher = join(import.meta.dirname, '../../../src/cli/main.ts');
const startMs = 120_000;

export async function startReplicas(options: ReplicasOptions): Promise<Replicas> {
  const folder = await temporaryFolder();
  const ports = [await freePort(), await freePort()] as const;
  const files = await Promise.all(ports.map((port) => configure(folder, port, options)));
  const running: (ChildProcess | undefined)[] = [];
  const start = async (index: number): Promise<void> => {
    running[index] = (await serve(files[index]!)).child;
  };
  const ended = async (index: number, signal: NodeJS.Signals): Promise<number | null> => {
    const child = running[index];
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const exit = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    const [code] = await within(options.drainMs + startMs, 'stop a replica', exit);
    return code;
  };
  await Promise.all([start(0), start(1)]);
  const balancer = await balance(folder, ports, options.server);
  return {
    port: balancer.port,
    drain: (index) => ended(index, 'SIGTERM'),
    async kill(index) {
      await ended(index, 'SIGKILL');
    },
    start,
    async close() {
      await balancer.stop();
      await Promise.all([ended(0, 'SIGKILL'), ended(1, 'SIGKILL')]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Starts one proxy with several processes, which the kernel balances. `kill` kills the process that has served longest, and
 *  returns when another serves in its place. */
export async function startWorkers(workers: number, options: ReplicasOptions): Promise<Replicas> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const { child, starts } = await serve(await configure(folder, port, options), workers);
  const none = (): never => {
    throw new Error('workers are not replaced one by one');
  };
  return {
    port,
    drain: none,
    start: none,
    async kill() {
      const { pid } = child;
      const [eldest] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').map(Number);
      const before = starts();
      process.kill(eldest!, 'SIGKILL');
      await eventually(() => starts() > before, startMs);
    },
    async close() {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await within(options.drainMs + startMs, 'stop the workers', exit);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Returns the server itself in the place of replicas. */
export function withoutReplicas({ ports }: PeerServer): Replicas {
  const none = (): never => {
    throw new Error('there are no replicas');
  };
  return { port: ports.direct, drain: none, kill: none, start: none, close: async () => {} };
}

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;

async function configure(
  folder: Folder,
  port: number,
  { server, redis, drainMs, drainSpreadMs, policy }: ReplicasOptions,
): Promise<string> {
  const { chain, key, authority } = server.certificates;
  const config = {
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', host: '127.0.0.1', port, tls: 'direct' }],
    certificates: [
      { certFile: await folder.write('tls.crt', chain), keyFile: await folder.write('tls.key', key) },
    ],
    domains: [{ domain: server.domain, gatekeeper: 'test' }],
    gatekeepers: [
      {
        name: 'test',
        connect: { address: `127.0.0.1:${server.ports.direct}`, tls: 'direct' },
        caFile: await folder.write('ca.crt', authority),
      },
    ],
    policy: { file: policy, keyFiles: [await folder.write('pseudonyms', 'p'.repeat(32))] },
    admin: { host: '127.0.0.1', port: 0 },
    timeouts: { drainMs, drainSpreadMs },
    limits: { connectionsPerAddressMax: 0 },
    overload: { loopDelayMs: 0 },
    ...(redis && {
      state: { keyFiles: [await folder.write('state', 's'.repeat(32))], redis: redis.section },
    }),
  };
  return await folder.write(`narthex-${port}.yaml`, JSON.stringify(config));
}

/** Starts a proxy, and waits until all of its processes serve.
 *  @returns its process, and the number of starts of workers so far */
async function serve(file: string, workers = 1): Promise<{ child: ChildProcess; starts: () => number }> {
  const args = [launcher, 'serve', file, '--workers', String(workers)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const endWithWorker = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithWorker);
  child.once('exit', () => process.off('exit', endWithWorker));
  let printed = '';
  let starts = 0;
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const started = Promise.withResolvers<void>();
  createInterface(child.stdout).on('line', (line) => {
    if (!line.includes('"proxy.started"')) return;
    starts += 1;
    if (starts === workers) started.resolve();
  });
  child.once('exit', (code) => started.reject(new Error(`a replica ended with ${code}: ${printed}`)));
  await within(startMs, 'start a replica', started.promise);
  return { child, starts: () => starts };
}

async function balance(
  folder: Folder,
  ports: readonly number[],
  { domain, certificates }: PeerServer,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const port = await freePort();
  const servers = ports.map(
    (each, index) => `  server replica${index} 127.0.0.1:${each} check inter 200ms fall 1 rise 1\n`,
  );
  await folder.write(
    'haproxy.cfg',
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  retries 10
  option redispatch 1
listen clients
  bind 127.0.0.1:${port}
  balance roundrobin
${servers.join('')}`,
  );
  const haproxy = startProcess({
    program: programs.haproxy,
    args: ['-db', '-f', 'haproxy.cfg'],
    folder: folder.path,
    log: join(folder.path, 'haproxy.log'),
  });
  await ready('HAProxy', haproxy, 20_000, async () => {
    const client = connectRaw(port, certificates.authority, { servername: domain });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.socket.once('secureConnect', resolve);
    void client.closed.then(() => reject(new Error('closed')));
    await promise.finally(() => client.socket.destroy());
  });
  return { port, stop: () => haproxy.stop() };
}
