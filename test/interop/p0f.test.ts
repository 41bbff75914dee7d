import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/wait.ts';

/** Real p0f watches one end of a veth pair between two network namespaces, while real clients connect across it to a
 *  running proxy. The signed signals that the gatekeeper received must be what p0f printed for the same connections. */

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
/** What the gatekeeper received, in order. */
const told: string[] = [];
let ports = { stream: 0, http: 0 };
let tokens: { nonce: string; token: string }[] = [];

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

interface Line {
  readonly stream?: number;
  readonly http?: number;
  readonly tokens?: typeof tokens;
  readonly attested?: { readonly p0f?: string; readonly absent?: string };
  readonly refused?: string;
}

async function startServer(): Promise<void> {
  const child = start(server, process.execPath, [new URL('p0f/server.ts', import.meta.url).pathname]);
  const lines = createInterface({ input: child.stdout! });
  await new Promise<void>((resolve) => {
    lines.on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if (line.stream !== undefined) {
        ports = { stream: line.stream, http: line.http! };
        tokens = [...line.tokens!];
        resolve();
      } else told.push(line.attested?.p0f ?? JSON.stringify(line));
    });
  });
}

/** Signatures that p0f printed for SYNs to this port, in order. */
function logged(port: number): string[] {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const lines = text.matchAll(/\] mod=syn\|cli=[^|]+\|srv=[^|/]+\/(\d+)\|.*\|raw_sig=(\S+)$/gm);
  return [...lines].filter(([, to]) => Number(to) === port).map(([, , signature]) => signature!);
}

/** Connects, and returns what each of the two said of every connection made meanwhile. A browser makes more than it
 *  uses, all of one kind. Under load the kernel drops packets that p0f has not read yet, so a connection that p0f did
 *  not see is made again. */
async function compare(
  port: number,
  count: number,
  connections: () => Promise<void>,
): Promise<{ ours: string[]; p0fs: string[] }> {
  told.length = 0;
  const before = logged(port).length;
  for (let attempt = 1; ; attempt += 1) {
    await connections();
    try {
      await eventually(() => told.length >= count && logged(port).length >= before + count);
      break;
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
  return { ours: [...new Set(told)], p0fs: [...new Set(logged(port).slice(before))] };
}

const opening =
  "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' " +
  "xmlns:stream='http://etherx.jabber.org/streams'>";

/** Opens a stream, which is when the gatekeeper receives it, and leaves. */
const node = (host: string): Promise<void> =>
  connect(process.execPath, [
    '-e',
    `const socket = require('tls').connect({ port: ${ports.stream}, host: '${host}', servername: 'localhost',
      ALPNProtocols: ['xmpp-client'], rejectUnauthorized: false }, () => socket.write(${JSON.stringify(opening)}));
     socket.on('error', () => {}).resume(); setTimeout(() => socket.destroy(), 500);`,
  ]);

const openssl = (host: string): Promise<void> =>
  connect('sh', [
    '-c',
    '(printf %s "$0"; sleep 0.5) | openssl s_client -quiet -no_ign_eof -connect "$1" -servername localhost -alpn xmpp-client',
    opening,
    `${bracketed(host)}:${ports.stream}`,
  ]);

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** What a client sends to enlist. */
function enlistment(host: string): { url: string; headers: Record<string, string>; body: string } {
  const { nonce, token } = tokens.pop()!;
  return {
    url: `https://${bracketed(host)}:${ports.http}/enlistments`,
    headers: {
      authorization: `Bearer ${token}`,
      'ownership-nonce': nonce,
      'idempotency-key': crypto.randomUUID(),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ gatekeeper: 'test' }),
  };
}

const curl = (host: string): Promise<void> => {
  const { url, headers, body } = enlistment(host);
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return connect('curl', ['-skm5', ...fields, '-d', body, url]);
};

const browser = (host: string): Promise<void> => {
  const { url, ...request } = enlistment(host);
  const script = `fetch(${JSON.stringify(url)}, ${JSON.stringify({ method: 'POST', ...request })})`;
  return connect(
    chromium,
    [
      '--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors', '--no-first-run',
      '--disable-web-security', '--virtual-time-budget=3000', `--user-data-dir=${directory}/chromium`, '--dump-dom',
      `data:text/html,<script>${encodeURIComponent(script)}</script>`,
    ], // prettier-ignore
    25_000,
  );
};

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
    await eventually(() => existsSync(log));
    // p0f opens its log before it captures: the first connection that it logs tells that it is there.
    await eventually(
      () =>
        logged(ports.stream).length > 0 ||
        (void connect('curl', ['-sm1', `http://${address4}:${ports.stream}`]), false),
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

  const clients: Readonly<Record<string, (host: string) => Promise<void>>> = {
    curl,
    openssl,
    Node: node,
    'a browser': browser,
  };

  for (const [name, open] of Object.entries(clients)) {
    for (const [version, host] of [
      [4, address4],
      [6, address6],
    ] as const) {
      it.skipIf(name === 'a browser' && !existsSync(chromium))(`${name} over IPv${version}`, async () => {
        const port = open === curl || open === browser ? ports.http : ports.stream;
        const { ours, p0fs } = await compare(port, 1, () => open(host));
        expect(ours).toEqual([
          expect.stringMatching(new RegExp(`^${version}:64\\+0:0:14[46]0:mss\\*.*:.*:.*:0$`)),
        ]);
        expect(ours).toEqual(p0fs);
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
    const { ours, p0fs } = await compare(ports.stream, 2, async () => {
      await node(address4);
      await node(address6);
    });
    await setting(name, usual);
    expect(ours).toHaveLength(2);
    expect(ours).toEqual(p0fs);
  });
});
