/** The supervisor with scripted workers: how it ends them, whatever they do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/clock.ts';
import { superviseWorkers, WorkerFailed } from '../../../src/app/workers/supervisor.ts';
import { configSchema, type Config } from '../../../src/config/schema.ts';
import { freePort } from '../../../src/app/demo/free-port.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { retried, within } from '../../support/wait.ts';

const configAt = (port: number): Config =>
  configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', host: '127.0.0.1', port: 0, tls: 'direct' }],
    certificates: [{ certFile: '/tls.crt', keyFile: '/tls.key' }],
    domains: [{ domain: 'chat.example', gatekeeper: 'test' }],
    gatekeepers: [{ name: 'test', connect: { address: '127.0.0.1:9', tls: 'direct' } }],
    admin: { host: '127.0.0.1', port },
    log: { level: 'silent' },
  });

let folder: TemporaryFolder;
let file: string;
let adminPort: number;

beforeEach(async () => {
  adminPort = await freePort();
  folder = await temporaryFolder();
  file = await folder.write('begun', '');
});

/** Returns the number and the process id of every worker that has begun so far. */
async function begun(): Promise<readonly { readonly index: number; readonly pid: number }[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n').filter(Boolean);
  return lines.map((line) => {
    const [index, pid] = line.split(' ').map(Number);
    return { index: index!, pid: pid! };
  });
}

const haveBegun = (count: number): Promise<unknown> =>
  retried(30_000, async () => {
    if ((await begun()).length < count) throw new Error(`fewer than ${count} have begun`);
  });

/** Waits until every worker has said that it serves. */
const haveStarted = (): Promise<unknown> =>
  retried(30_000, async () => {
    const { status } = await fetch(`http://127.0.0.1:${adminPort}/startupz`);
    if (status !== 200) throw new Error('not started');
  });

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const running = async (): Promise<number[]> => (await begun()).map(({ pid }) => pid).filter(isRunning);

afterEach(async () => {
  for (const pid of await running()) process.kill(pid, 'SIGKILL');
  await folder[Symbol.asyncDispose]();
});

/** Supervises workers of which each does what its word says. */
function supervise(...behaviours: readonly string[]): {
  readonly ended: Promise<void>;
  readonly stop: () => void;
  /** What a second signal does before it ends the supervisor. */
  readonly beforeEnd: () => void;
} {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  let beforeEnd = (): void => {};
  const ended = superviseWorkers(configAt(adminPort), {
    workers: behaviours.length,
    command: { main: join(import.meta.dirname, 'scripted-worker.ts'), args: [behaviours.join(','), file] },
    control: {
      stopped,
      stop,
      onReload: () => {},
      beforeEnd: (task) => (beforeEnd = task),
      logFailed: () => {},
    },
    clock: systemClock,
  });
  ended.catch(() => {});
  return { ended, stop, beforeEnd: () => beforeEnd() };
}

describe('a supervisor that is stopped', () => {
  it('lets its workers end, and starts none again', async () => {
    const { ended, stop } = supervise('serve', 'serve');
    await haveStarted();
    stop();
    await within(30_000, 'the end', ended);
    expect(await running()).toEqual([]);
    expect(await begun()).toHaveLength(2);
  });

  it('ends while the first worker has not started', async () => {
    const { ended, stop } = supervise('hang', 'serve');
    await haveBegun(1);
    stop();
    await within(30_000, 'the end', ended);
    expect(await running()).toEqual([]);
    expect(await begun()).toHaveLength(1);
  });

  it('ends while another worker has not started', async () => {
    const { ended, stop } = supervise('serve', 'hang', 'serve');
    await haveBegun(3);
    stop();
    await within(30_000, 'the end', ended);
    expect(await running()).toEqual([]);
  });

  it('ends its workers at once at a second signal, also those that do not answer', async () => {
    const { ended, stop, beforeEnd } = supervise('deaf', 'deaf');
    await haveStarted();
    stop();
    beforeEnd();
    await within(30_000, 'the end', ended);
    expect(await running()).toEqual([]);
  });
});

describe('a supervisor of which a worker cannot start', () => {
  it('ends with its exit code, also while another has not started', async () => {
    const { ended } = supervise('serve', 'fail', 'hang');
    const failure: unknown = await within(30_000, 'the end', ended).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkerFailed);
    expect((failure as WorkerFailed).end.code).toBe(69);
    expect(await running()).toEqual([]);
  });
});
