import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Real p0f watches one end of a veth pair between two network namespaces, while real clients connect across it to a
 *  server that reads its own saved SYNs. Both must print the same signature for the same connection. */

const run = promisify(execFile);
const p0f = '/usr/sbin/p0f';
const chromium = '/usr/bin/chromium';

const obstacle = ((): string | undefined => {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces';
  if (!existsSync(p0f)) return 'needs p0f (apt-get install p0f)';
  try {
    execFileSync('ip', ['netns', 'list']);
    return undefined;
  } catch {
    return 'needs ip (apt-get install iproute2)';
  }
})();

const required = process.env['NARTHEX_PEERS'] === 'required';
const suffix = process.pid.toString(36);
const client = `nxc${suffix}`;
const server = `nxs${suffix}`;
const address4 = '10.77.77.1';
const address6 = 'fd77:77::1';

const directory = obstacle === undefined ? mkdtempSync(join(tmpdir(), 'narthex-p0f-')) : '';
const log = join(directory, 'p0f.log');
const children: ChildProcess[] = [];
const seen = new Map<number, string>();
let port = 0;

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

/** A command in the client's namespace. How it ends does not matter: the SYN is all that is wanted. */
async function connect(command: string, args: readonly string[], timeoutMs = 10_000): Promise<void> {
  await run('ip', ['netns', 'exec', client, command, ...args], { timeout: timeoutMs }).catch(() => undefined);
}

async function setting(name: string, value: number): Promise<void> {
  await run('ip', ['netns', 'exec', client, 'sysctl', '-qw', `net.ipv4.${name}=${value}`]);
}

function start(namespace: string, command: string, args: readonly string[]): ChildProcess {
  const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

async function layNetwork(): Promise<void> {
  await ip('netns', 'add', client);
  await ip('netns', 'add', server);
  await ip('link', 'add', 'nx0', 'netns', client, 'type', 'veth', 'peer', 'name', 'nx1', 'netns', server);
  for (const [namespace, device, host] of [
    [client, 'nx0', '2'],
    [server, 'nx1', '1'],
  ] as const) {
    await ip('-n', namespace, 'addr', 'add', `10.77.77.${host}/24`, 'dev', device);
    await ip('-n', namespace, 'addr', 'add', `fd77:77::${host}/64`, 'dev', device, 'nodad');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', namespace, 'link', 'set', device, 'up');
  }
}

async function startServer(): Promise<void> {
  const child = start(server, process.execPath, [new URL('p0f/server.ts', import.meta.url).pathname]);
  const lines = createInterface({ input: child.stdout! });
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const message = JSON.parse(line) as { listening?: number; port?: number; p0f?: string };
      if (message.listening !== undefined) {
        port = message.listening;
        resolve();
      } else seen.set(message.port!, message.p0f!);
    });
  });
}

/** Signatures that p0f printed for SYNs, by the client's port. */
function logged(): Map<number, string> {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const lines = text.matchAll(/\] mod=syn\|cli=[^/|]+\/(\d+)\|.*\|raw_sig=(\S+)$/gm);
  return new Map([...lines].map(([, port, signature]) => [Number(port), signature!]));
}

async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Connects, and returns what each of the two printed for every connection made meanwhile. */
async function compare(connections: () => Promise<void>): Promise<{ ours: string[]; p0fs: string[] }> {
  seen.clear();
  const before = new Set(logged().keys());
  await connections();
  await until(() => seen.size > 0 && [...seen.keys()].every((port) => logged().has(port)));
  const ports = [...seen.keys()].filter((port) => !before.has(port));
  const theirs = logged();
  return { ours: ports.map((port) => seen.get(port)!), p0fs: ports.map((port) => theirs.get(port)!) };
}

const node = (host: string): Promise<void> =>
  connect(process.execPath, [
    '-e',
    `require('net').connect(${port}, '${host}').on('error', () => {}).resume()`,
  ]);

describe('p0f and the proxy on the same connections', () => {
  if (obstacle !== undefined) {
    it.skipIf(!required)(`is skipped: ${obstacle}`, () => {
      expect(obstacle).toBeUndefined();
    });
    return;
  }

  beforeAll(async () => {
    await layNetwork();
    await startServer();
    start(server, p0f, ['-i', 'nx1', '-o', log]);
    await until(() => existsSync(log));
    // p0f opens its log before it captures: the first connection that it logs tells that it is there.
    await until(
      () => logged().size > 0 || (void connect('curl', ['-sm1', `http://${address4}:${port}`]), false),
    );
  });

  afterAll(async () => {
    for (const child of children) child.kill();
    await Promise.all(
      children.map(
        async (child) => child.exitCode === null && new Promise((done) => child.once('exit', done)),
      ),
    );
    await ip('netns', 'del', client);
    await ip('netns', 'del', server);
    rmSync(directory, { recursive: true, force: true });
  });

  const clients: Readonly<Record<string, (host: string, url: string) => Promise<void>>> = {
    curl: (_, url) => connect('curl', ['-skm2', url]),
    openssl: (_, url) => connect('openssl', ['s_client', '-connect', url.slice('https://'.length)]),
    Node: node,
    'a browser': (_, url) =>
      connect(
        chromium,
        [
          '--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors', '--no-first-run',
          `--user-data-dir=${directory}/chromium`, '--dump-dom', url,
        ], // prettier-ignore
        20_000,
      ),
  };

  for (const [name, open] of Object.entries(clients)) {
    for (const [version, host] of [
      [4, address4],
      [6, address6],
    ] as const) {
      it.skipIf(name === 'a browser' && !existsSync(chromium))(`${name} over IPv${version}`, async () => {
        const url = `https://${version === 6 ? `[${host}]` : host}:${port}`;
        const { ours, p0fs } = await compare(() => open(host, url));
        expect(ours.length).toBeGreaterThan(0);
        expect(ours).toEqual(p0fs);
        for (const signature of ours) expect(signature).toMatch(new RegExp(`^${version}:64\\+0:0:14[46]0:`));
      });
    }
  }

  it.each([
    ['tcp_timestamps', 0, 1],
    ['tcp_window_scaling', 0, 1],
    ['tcp_sack', 0, 1],
    ['tcp_ecn', 1, 2],
    ['ip_default_ttl', 200, 64],
    ['ip_default_ttl', 128, 64],
  ])('with the client’s %s at %i', async (name, value, usual) => {
    await setting(name, value);
    const { ours, p0fs } = await compare(async () => {
      await node(address4);
      await node(address6);
    });
    await setting(name, usual);
    expect(ours).toHaveLength(2);
    expect(ours).toEqual(p0fs);
  });
});
