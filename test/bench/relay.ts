/** What relaying one stanza there and back costs a proxy in CPU time, over TLS on both sides. The proxy under test has
 *  a process of its own; another one is both the clients and an echoing server. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthority } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { ask } from './child.ts';
import { median } from './measure.ts';
import type { LoadRequest, LoadResult } from './relay-load.ts';
import type { ProxyRequest } from './relay-proxy.ts';
import type { Bench, Row } from './row.ts';
import { freePort } from '../support/free-port.ts';

const sizes = [300, 2_560, 8_192];
const rounds = 3;
const connections = 20;
const roundMs = 1_000;
const domain = 'im.example';

/** PEM texts that every process of the benchmark uses. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A proxy under test. */
interface Relay {
  readonly name: string;
  readonly port: number;
  /** CPU time so far, in microseconds. */
  cpu(): Promise<number>;
  stop(): void;
}

const haproxyPath = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));
const yardstick = 'a bare pipe between Node TLS sockets';

export const relayBench: Bench = { name: 'relay', run };

async function run(): Promise<Row[]> {
  await using folder = await temporaryFolder();
  const authority = createAuthority();
  const { cert, key } = authority.issue({ dns: [domain] });
  const credentials: Credentials = { ca: authority.cert, cert, key };
  const load = fork(join(import.meta.dirname, 'relay-load.ts'));
  const relays: Relay[] = [];
  try {
    const upstream = (await ask(load, credentials)) as number;
    for (const kind of ['pipe', 'narthex', '@xmpp/xml'] as const)
      relays.push(await startNode({ kind, upstream, credentials }));
    if (haproxyPath !== undefined)
      relays.push(await startHaproxy(haproxyPath, folder.path, upstream, credentials));
    const rows: Row[] = [];
    for (const byteLength of sizes) rows.push(...(await measureSize(load, relays, byteLength)));
    return rows;
  } finally {
    for (const relay of relays) relay.stop();
    load.disconnect();
  }
}

async function measureSize(load: ChildProcess, relays: readonly Relay[], byteLength: number): Promise<Row[]> {
  const samples = relays.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [i, relay] of relays.entries()) samples[i]!.push(await measure(load, relay, byteLength));
  const costs = samples.map(median);
  return relays.map(({ name }, i) => ({
    name: `relay: ${name}`,
    byteLength,
    figure: `${costs[i]!.toFixed(1)} µs per round trip`,
    ratio: costs[i]! / costs[0]!,
    yardstick,
  }));
}

/** CPU microseconds per round trip in one round. */
async function measure(load: ChildProcess, relay: Relay, byteLength: number): Promise<number> {
  const request: LoadRequest = { port: relay.port, byteLength, connections, roundMs };
  await ask(load, request);
  const before = await relay.cpu();
  const { roundTrips } = (await ask(load, 'go')) as LoadResult;
  const spent = (await relay.cpu()) - before;
  await ask(load, 'stop');
  return spent / roundTrips;
}

async function startNode(request: ProxyRequest): Promise<Relay> {
  const child = fork(join(import.meta.dirname, 'relay-proxy.ts'));
  const port = (await ask(child, request)) as number;
  return {
    name: request.kind,
    port,
    cpu: async () => (await ask(child, 'cpu')) as number,
    stop: () => child.disconnect(),
  };
}

async function startHaproxy(
  path: string,
  folder: string,
  upstream: number,
  credentials: Credentials,
): Promise<Relay> {
  const port = await freePort();
  const pem = join(folder, 'haproxy.pem');
  const ca = join(folder, 'ca.pem');
  const config = join(folder, 'haproxy.cfg');
  await writeFile(pem, credentials.cert + credentials.key, { mode: 0o600 });
  await writeFile(ca, credentials.ca);
  await writeFile(
    config,
    `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port} ssl crt ${pem} alpn xmpp-client
  default_backend servers
backend servers
  server echo 127.0.0.1:${upstream} ssl verify required ca-file ${ca} sni str(${domain}) verifyhost ${domain} alpn xmpp-client
`,
  );
  const child = spawn(path, ['-db', '-f', config], { stdio: 'inherit' });
  await sleep(500);
  if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
  return {
    name: 'HAProxy',
    port,
    cpu: () => Promise.resolve(cpuOf(child.pid!)),
    stop: () => child.kill(),
  };
}

/** proc(5): utime and stime are the 14th and 15th field, in ticks of 10 ms; the second, in parentheses, may hold
 *  blanks. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
