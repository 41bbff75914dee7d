/** Speed of the media relay against nginx `proxy_pass`, in one run: one file at an nginx origin (sendfile), read
 *  through each in turn by the same client, one nginx worker, one relay process. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface MediaRow {
  readonly name: string;
  readonly megabytesPerSecond: number;
  /** Of the proxy process, user and system. */
  readonly cpuMsPerGigabyte: number;
}

export interface MediaBench {
  readonly rows: readonly MediaRow[];
  /** Relay over nginx, medians; the aim is at least 0.5. */
  readonly speedRatio: number;
}

const fileBytes = 512 * 1024 * 1024;
const rounds = 5;
const nginxBinary = '/usr/sbin/nginx';

/** Runs for about ten seconds. */
export async function benchMedia(): Promise<MediaBench> {
  const folder = mkdtempSync(join(tmpdir(), 'media-bench-'));
  const children: ChildProcess[] = [];
  try {
    const [originPort, proxyPort] = [await freePort(), await freePort()];
    const file = join(folder, 'file');
    writeFileSync(file, '');
    truncateSync(file, fileBytes);
    const location = `location / { root ${folder}; }`;
    children.push(startNginx(folder, 'origin', originPort, location));
    const passed = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;`;
    const proxy = `location / { proxy_pass http://origin; ${passed} }`;
    const upstream = `upstream origin { server 127.0.0.1:${originPort}; keepalive 8; }`;
    const nginx = startNginx(folder, 'proxy', proxyPort, proxy, upstream);
    children.push(nginx);
    const script = new URL('../http/support/media-relay.ts', import.meta.url);
    const relay = fork(script, [`http://127.0.0.1:${originPort}/file`]);
    children.push(relay);
    const [url] = (await once(relay, 'message')) as [string];
    await sleep(500);
    const worker = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').trim());
    const direct = await measure('nginx proxy_pass', new URL(`http://127.0.0.1:${proxyPort}/file`), worker);
    const ours = await measure('media relay', new URL(url), relay.pid!);
    return { rows: [direct, ours], speedRatio: ours.megabytesPerSecond / direct.megabytesPerSecond };
  } finally {
    const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill();
    await Promise.all(exits);
    rmSync(folder, { recursive: true });
  }
}

function startNginx(folder: string, name: string, port: number, location: string, extra = ''): ChildProcess {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join(' ');
  const server = `server { listen 127.0.0.1:${port}; ${location} }`;
  const http = `http { access_log off; sendfile on; ${temporary} ${extra} ${server} }`;
  const main = `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;`;
  const config = join(folder, `${name}.conf`);
  writeFileSync(config, `user root; ${main} events { worker_connections 256; } ${http}`);
  return spawn(nginxBinary, ['-c', config], { stdio: 'ignore' });
}

async function measure(name: string, url: URL, pid: number): Promise<MediaRow> {
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
  return { name, megabytesPerSecond: Math.round(median), cpuMsPerGigabyte: Math.round(cpu) };
}

/** Reads the whole answer into one buffer over and over: the client costs as little as it can. */
function download(url: URL): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  const socket = connect({
    port: Number(url.port),
    host: url.hostname,
    onread: {
      buffer: Buffer.alloc(1 << 20),
      callback: (length) => {
        bytes += length;
        return true;
      },
    },
  });
  socket.on('error', reject);
  socket.on('end', () => (bytes > fileBytes ? resolve() : reject(new Error(`${bytes} bytes`))));
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`);
  return promise;
}

/** User and system time of a process (proc(5), fields 14 and 15, in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

if (import.meta.main) console.log(JSON.stringify(await benchMedia(), undefined, 2));
