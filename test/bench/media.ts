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
import { eventually } from '../support/sockets.ts';
import type { Bench, Row } from './row.ts';
import { freePort } from '../support/free-port.ts';

interface Measured {
  readonly megabytesPerSecond: number;
  /** Of the proxy process, user and system. */
  readonly cpuMsPerGigabyte: number;
}

const fileBytes = 512 * 1024 * 1024;
const rounds = 5;
const nginxBinary = '/usr/sbin/nginx';

export const mediaBench: Bench = { name: 'media', run };

/** About ten seconds. */
async function run(): Promise<Row[]> {
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
    const worker = await workerOf(nginx);
    const direct = await measure({ port: proxyPort, path: '/file' }, worker);
    const tokens = createMediaTokens({ secrets: [secret], lifetimeMs: 600_000, now: () => Date.now() });
    const path = `/media/${tokens.seal(`http://127.0.0.1:${originPort}/file`, 'test')}`;
    const ours = await measure({ port: proxy.httpPort, path }, proxy.child.pid!);
    const row = (name: string, { megabytesPerSecond, cpuMsPerGigabyte }: Measured): Row => ({
      name: `media: ${name}`,
      byteLength: fileBytes,
      figure: `${megabytesPerSecond} MB/s, ${cpuMsPerGigabyte} ms CPU per GB`,
      ratio: direct.megabytesPerSecond / megabytesPerSecond,
      yardstick: 'nginx proxy_pass over TLS',
    });
    return [row('nginx proxy_pass', direct), { ...row('relay of a whole proxy', ours), aim: 2 }];
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
}

async function measure(url: Target, pid: number): Promise<Measured> {
  await download(url);
  const speeds: number[] = [];
  const before = cpuMs(pid);
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await download(url);
    speeds.push(fileBytes / 1e6 / ((performance.now() - start) / 1000));
  }
  const cpu = (cpuMs(pid) - before) / ((rounds * fileBytes) / 1e9);
  const median = speeds.sort((a, b) => a - b)[rounds >> 1]!;
  return { megabytesPerSecond: Math.round(median), cpuMsPerGigabyte: Math.round(cpu) };
}

/** Reads the whole answer into one buffer over and over: the client costs as little as it can. */
function download({ port, path }: Target): Promise<void> {
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

/** User and system time of a process (proc(5), fields 14 and 15, in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
