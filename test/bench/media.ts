/** Speed of the media relay against nginx `proxy_pass`, in one run: one file at an nginx origin (sendfile), read over
 *  TLS through each in turn by the same client, one nginx worker, one whole proxy (`narthex serve`). */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { OnReadOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { createAuthority } from '../support/certificates.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';
import { cpuMicroseconds, pin, processors } from './pinned.ts';
import type { Bench, BenchContext, Row } from './row.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { freePort } from '../../src/app/demo/free-port.ts';

interface Measured {
  readonly megabytesPerSecond: number;
  /** Of the proxy process, user and system. */
  readonly cpuMsPerGigabyte: number;
}

const fileBytes = 64 * 1024 * 1024;
const roundsByDefault = 15;
const warmUpRounds = 5;
const nginxBinary = '/usr/sbin/nginx';

export const mediaBench: Bench = {
  name: 'media',
  summary:
    'One file read over TLS by one client through nginx `proxy_pass` (one worker) and through the media relay of a whole ' +
    'proxy, from the same nginx origin; downloads take turns.',
  run,
};

async function run({ rounds = roundsByDefault }: BenchContext): Promise<Row[]> {
  // The client is this process, and the origin stays where it is started from.
  pin(process.pid, processors.load);
  const folder = mkdtempSync(join(tmpdir(), 'media-bench-'));
  const children: ChildProcess[] = [];
  let proxy: ServeProcess | undefined;
  try {
    const [originPort, proxyPort] = [await freePort(), await freePort()];
    const file = join(folder, 'file');
    writeFileSync(file, '');
    truncateSync(file, fileBytes);
    const location = `location / { root ${folder}; }`;
    children.push(startNginx(folder, 'origin', `${originPort}`, location));
    const passed = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;`;
    const passing = `location / { proxy_pass http://origin; ${passed} }`;
    const upstream = `upstream origin { server 127.0.0.1:${originPort}; keepalive 8; }`;
    const pair = createAuthority().issue({ dns: ['proxy.example'] });
    writeFileSync(join(folder, 'tls.crt'), pair.cert);
    writeFileSync(join(folder, 'tls.key'), pair.key);
    const tls = `ssl_certificate ${folder}/tls.crt; ssl_certificate_key ${folder}/tls.key;`;
    const nginx = startNginx(folder, 'proxy', `${proxyPort} ssl`, `${tls} ${passing}`, upstream);
    children.push(nginx);
    proxy = await startProxy(`http://127.0.0.1:${originPort}`);
    const tokens = createMediaTokens({ secrets: [secret], lifetimeMs: 600_000, now: () => Date.now() });
    const sealed = tokens.seal(`http://127.0.0.1:${originPort}/file`, 'test');
    const direct: Target = { port: proxyPort, path: '/file', pid: await workerOf(nginx) };
    const ours: Target = { port: proxy.httpPort, path: `/media/${sealed}`, pid: proxy.child.pid! };
    const samples = await measure([direct, ours], rounds);
    return rowsOf(samples[0]!, samples[1]!);
  } finally {
    const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill();
    await Promise.all([...exits, proxy?.stop()]);
    rmSync(folder, { recursive: true });
  }
}

const secret = Buffer.alloc(32, 'm');

function startProxy(origin: string): Promise<ServeProcess> {
  return serveProcess({
    config: {
      http: { host: '127.0.0.1', port: 0, publicUrl: 'https://proxy.example' },
      provider: {
        issuer: 'https://id.provider.example',
        jwksUri: 'https://id.provider.example/jwks',
        audiences: ['https://gatekeeper.example'],
        media: { hosts: [origin], allowAddresses: ['127.0.0.1/32'], keyFiles: ['media-key'] },
      },
    },
    gatekeeper: { media: {} },
    files: { 'media-key': secret.toString('latin1') },
  });
}

/** The process that does the work: nginx starts it a little after itself. */
async function workerOf({ pid }: ChildProcess): Promise<number> {
  const children = (): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  await eventually(() => /^\d+$/.test(children()));
  return Number(children());
}

function startNginx(
  folder: string,
  name: string,
  listen: string,
  location: string,
  extra = '',
): ChildProcess {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join(' ');
  const server = `server { listen 127.0.0.1:${listen}; ${location} }`;
  const http = `http { access_log off; sendfile on; ${temporary} ${extra} ${server} }`;
  const main = `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;`;
  const config = join(folder, `${name}.conf`);
  writeFileSync(config, `user root; ${main} events { worker_connections 256; } ${http}`);
  return spawn(nginxBinary, ['-c', config], { stdio: 'ignore' });
}

interface Target {
  readonly port: number;
  readonly path: string;
  /** The process that does the work. */
  readonly pid: number;
}

/** Downloads in turns, after some that are not counted. @returns the samples of each target. */
async function measure(targets: readonly Target[], rounds: number): Promise<Measured[][]> {
  const samples = targets.map((): Measured[] => []);
  for (const { pid } of targets) pin(pid, processors.contender);
  for (let round = -warmUpRounds; round < rounds; round += 1)
    for (const [index, target] of targets.entries()) {
      const [start, before] = [performance.now(), cpuMicroseconds(target.pid)];
      await download(target);
      const seconds = (performance.now() - start) / 1_000;
      const cpuMs = (cpuMicroseconds(target.pid) - before) / 1_000;
      if (round < 0) continue;
      samples[index]!.push({
        megabytesPerSecond: fileBytes / 1e6 / seconds,
        cpuMsPerGigabyte: cpuMs / (fileBytes / 1e9),
      });
    }
  return samples;
}

function rowsOf(direct: readonly Measured[], ours: readonly Measured[]): Row[] {
  const row = { byteLength: fileBytes, yardstick: 'nginx proxy_pass over TLS' };
  const speed = (samples: readonly Measured[]): number[] => samples.map((each) => each.megabytesPerSecond);
  const cost = (samples: readonly Measured[]): number[] => samples.map((each) => each.cpuMsPerGigabyte);
  const paired = (one: readonly number[], other: readonly number[]): Spread =>
    spreadOf(one.map((value, round) => value / other[round]!));
  return [
    {
      ...row,
      name: 'media: relay of a whole proxy, time',
      figure: spreadOf(speed(ours)),
      unit: 'MB/s',
      ratio: paired(speed(direct), speed(ours)),
      aim: 2,
    },
    {
      ...row,
      name: 'media: relay of a whole proxy, CPU',
      figure: spreadOf(cost(ours)),
      unit: 'ms per GB',
      ratio: paired(cost(ours), cost(direct)),
    },
  ];
}

/** Reads the whole answer into one buffer over and over: the client costs as little as it can. */
function download({ port, path }: Pick<Target, 'port' | 'path'>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  const options: ConnectionOptions & { onread: OnReadOpts } = {
    port,
    host: '127.0.0.1',
    servername: 'proxy.example',
    rejectUnauthorized: false,
    onread: {
      buffer: Buffer.alloc(1 << 20),
      callback: (length) => {
        bytes += length;
        return true;
      },
    },
  };
  const socket = connect(options);
  socket.on('error', reject);
  socket.on('end', () => (bytes > fileBytes ? resolve() : reject(new Error(`${bytes} bytes`))));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: proxy.example\r\nConnection: close\r\n\r\n`);
  return promise;
}
