/** `serve --workers`: processes that share the ports, seen from outside. */
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess, type ServeProcess, type ServeProcessOptions } from '../support/serve-process.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const pair = authority.issue({ dns: ['proxy.example'] });

let gatekeeper: RawGatekeeper;
let serving: ServeProcess | undefined;

/** Starts the workers before a gatekeeper that returns every stanza. */
async function start(
  options: readonly string[],
  more: Partial<ServeProcessOptions> = {},
): Promise<ServeProcess> {
  gatekeeper = await startRawGatekeeper(pair.cert, pair.key, (socket) =>
    socket.on('data', (bytes: Buffer) => socket.write(bytes)),
  );
  const connect = { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' };
  serving = await serveProcess({
    files: { 'gatekeeper-ca.crt': authority.cert, secret: 'p'.repeat(32), ...more.files },
    gatekeeper: { connect, caFile: 'gatekeeper-ca.crt' },
    config: {
      domains: [{ domain: 'proxy.example', gatekeeper: 'test' }],
      policy: { file: 'passthrough', keyFiles: ['secret'] },
      ...more.config,
    },
    options,
  });
  await eventually(() => startedWorkers() >= Number(options[1]), 60_000);
  return serving;
}

afterEach(async () => {
  await serving?.stop();
  serving = undefined;
  gatekeeper?.close();
});

/** Number of starts of workers so far. */
const startedWorkers = (): number => serving!.log.filter(({ event }) => event === 'proxy.started').length;

const port = (): number => Number(serving!.log.find(({ event }) => event === 'listener.opened')?.['port']);

const logIn = (): Promise<RawClient> =>
  logInRaw(port(), serving!.ca, { servername: 'proxy.example', to: 'proxy.example' });

async function admin(path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${serving!.adminPort}${path}`);
  return await answer.text();
}

async function metric(sample: string): Promise<number> {
  const line = (await admin('/metrics')).split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? Number.NaN);
}

/** Process ids of the workers. */
async function workers(): Promise<number[]> {
  const { pid } = serving!.child;
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
}

const message = (id: string): string => `<message id='${id}' to='a@proxy.example'><body>b</body></message>`;

async function returns(client: RawClient, id: string): Promise<void> {
  client.socket.write(message(id));
  await client.until(`id='${id}'`, 20_000);
}

describe('four workers', () => {
  it('serve on while they are killed one after another, and their metrics stay whole', async () => {
    await start(['--workers', '4']);
    expect(await metric('narthex_workers')).toBe(4);
    let clients = await Promise.all(Array.from({ length: 24 }, logIn));
    let opened = 24;
    await Promise.all(clients.map((client, index) => returns(client, `first-${index}`)));
    expect(await metric('narthex_sessions')).toBe(24);

    for (let round = 1; round <= 4; round += 1) {
      const victim = (await workers())[0]!;
      const lost: RawClient[] = [];
      for (const client of clients) void client.closed.then(() => lost.push(client));
      process.kill(victim, 'SIGKILL');
      await eventually(async () => (await metric('narthex_worker_restarts_total')) === round);
      await eventually(() => startedWorkers() === 4 + round, 60_000);
      const kept = clients.filter((client) => !lost.includes(client));
      // What one process had is lost, and no more.
      expect(kept.length).toBeGreaterThan(0);
      await Promise.all(kept.map((client, index) => returns(client, `round-${round}-${index}`)));
      const again = await Promise.all(lost.map(logIn));
      clients = [...kept, ...again];
      opened += again.length;
      await Promise.all(again.map((client, index) => returns(client, `again-${round}-${index}`)));
      expect(await metric('narthex_sessions')).toBe(24);
      expect(await metric('narthex_sessions_total{listener="clients"}')).toBe(opened);
    }
    const ends = serving!.log.filter(({ event }) => event === 'worker.ended');
    expect(ends.map(({ restartMs }) => restartMs)).toHaveLength(4);
    for (const client of clients) client.tcp.destroy();
    expect(await serving!.stop()).toBe(0);
    serving = undefined;
  }, 240_000);
});

describe('two workers', () => {
  it('share connections, answer the operator as one, and keep the SYN', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    await start(['--workers', '2'], {
      files: { 'spring.pem': pem },
      config: {
        policy: { file: 'passthrough', keyFiles: ['secret'] },
        signals: { issuer: 'proxy.example', keysFolder: '.' },
      },
    });
    const seen = serving!.log.filter(({ event }) => event === 'listener.signals');
    expect(seen.map(({ worker, syn }) => [worker, syn])).toEqual([
      [0, 'edge'],
      [1, 'edge'],
    ]);
    const clients = await Promise.all(Array.from({ length: 40 }, logIn));
    await Promise.all(clients.map((client, index) => returns(client, `m-${index}`)));
    const { sessions } = JSON.parse(await admin('/api/sessions')) as {
      readonly sessions: readonly { readonly sessions: number }[];
    };
    expect(sessions.reduce((sum, each) => sum + each.sessions, 0)).toBe(40);
    // Both have some: all at one has a probability of 2 in 2^40.
    const [one, other] = await Promise.all((await workers()).map(acceptedBy));
    expect(one! > 0 && other! > 0).toBe(true);
    const { rows } = JSON.parse(await admin('/api/exposure')) as {
      readonly rows: readonly { readonly field: string; readonly sinceStart: { readonly count: number } }[];
    };
    // Each client sent one message, which has an id.
    const messages = rows.filter(({ field }) => field === 'id.message');
    expect(messages.reduce((sum, { sinceStart }) => sum + sinceStart.count, 0)).toBeGreaterThanOrEqual(40);
    for (const client of clients) client.tcp.destroy();
  });
});

describe('workers of a changed configuration', () => {
  it('refuse keys that each of them would make for itself', async () => {
    const { adminPort, config, folder } = await start(['--workers', '2']);
    const changed = { ...(JSON.parse(config) as object), policy: { file: 'passthrough' } };
    await writeFile(join(folder, 'narthex.yaml'), JSON.stringify(changed));
    const answer = await fetch(`http://127.0.0.1:${adminPort}/api/reload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(await answer.text()).toContain('ERR_CONFIG_EPHEMERAL_KEY');
  });
});

describe('workers that drain', () => {
  const slowly = { config: { timeouts: { drainMs: 300_000, drainSpreadMs: 300_000 } } };
  const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

  it('end at once at a second signal to the supervisor', async () => {
    const { child, log } = await start(['--workers', '2'], slowly);
    const clients = await Promise.all(Array.from({ length: 8 }, logIn));
    const pids = await workers();
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await eventually(() => log.filter(({ event }) => event === 'proxy.draining').length === 2);
    child.kill('SIGINT');
    expect(await exit).toEqual([128 + 2, null]);
    await eventually(() => !pids.some(isRunning));
    await Promise.all(clients.map(({ closed }) => closed));
  });

  it('begin it when the supervisor is killed', async () => {
    const { child, log, printed } = await start(['--workers', '2']);
    const pids = await workers();
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await eventually(() => !pids.some(isRunning), 60_000);
    await eventually(() => log.filter(({ event }) => event === 'proxy.stopped').length === 2);
    expect(printed()).not.toContain('ERR_');
  });
});

describe('serve --workers', () => {
  it.each([
    ['0', '--workers takes a number from 1 to 256, or auto'],
    ['-1', '--workers takes a number from 1 to 256, or auto'],
    ['two', '--workers takes a number from 1 to 256, or auto'],
    ['1.5', '--workers takes a number from 1 to 256, or auto'],
    ['257', '--workers takes a number from 1 to 256, or auto'],
  ])('refuses %s as wrong usage', (count, words) => {
    const { status, stderr } = run(['narthex.yaml', `--workers=${count}`]);
    expect([status, stderr.includes('ERR_OPTION'), stderr.includes(words)]).toEqual([64, true, true]);
  });

  it('refuses to record in several processes', () => {
    const record = ['--record', 'x.jsonl', '--record-for', '1h', '--record-bytes', '1MiB'];
    const { status, stderr } = run(['narthex.yaml', '--workers', '2', ...record]);
    expect([status, stderr.includes('--record needs one process')]).toEqual([64, true]);
  });

  it('refuses a configuration with keys that each process would make for itself', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('narthex.yaml', minimal({}));
    await folder.write('tls.crt', pair.cert);
    await folder.write('tls.key', pair.key);
    const { status, stderr } = run([file, '--workers', '2']);
    expect([status, stderr.includes('ERR_CONFIG_EPHEMERAL_KEY')]).toEqual([78, true]);
  });

  it('ends with the error of a worker that cannot start', async () => {
    await using folder = await temporaryFolder();
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port: taken } = busy.address() as AddressInfo;
    const file = await folder.write('narthex.yaml', minimal({ port: taken, keyFiles: ['secret'] }));
    await folder.write('secret', 'p'.repeat(32));
    await folder.write('tls.crt', pair.cert);
    await folder.write('tls.key', pair.key);
    const child = spawn(process.execPath, [launcher, 'serve', file, '--workers', '2']);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [status] = (await once(child, 'exit')) as [number];
    busy.close();
    expect([status, stderr.includes('ERR_PORT_IN_USE')]).toEqual([69, true]);
  });
});

const launcher = join(import.meta.dirname, '../../src/cli/main.ts');

function run(args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [launcher, 'serve', ...args], { encoding: 'utf8' });
}

/** Returns a configuration of its files' folder, in JSON, which is YAML. */
function minimal({ port: at = 0, keyFiles = [] }: { port?: number; keyFiles?: readonly string[] }): string {
  return JSON.stringify({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', host: '127.0.0.1', port: at, tls: 'direct' }],
    certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
    domains: [{ domain: 'chat.example', gatekeeper: 'test' }],
    gatekeepers: [{ name: 'test', connect: { address: '127.0.0.1:9', tls: 'direct' } }],
    admin: { host: '127.0.0.1', port: 0 },
    policy: { keyFiles },
  });
}

/** Counts the connections of a process that clients have opened. */
async function acceptedBy(pid: number): Promise<number> {
  const child = spawn('ss', ['-tnpH', 'state', 'established', 'sport', '=', `:${port()}`]);
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return text.split('\n').filter((line) => line.includes(`pid=${pid},`)).length;
}
