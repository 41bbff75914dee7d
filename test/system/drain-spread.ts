/** Drains a process with many sessions, and records when each of them ends. */
import { once } from 'node:events';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess } from '../support/serve-process.ts';

export interface DrainRequest {
  readonly sessions: number;
  readonly drainMs: number;
  readonly drainSpreadMs: number;
  readonly progress?: (sessions: number) => void;
}

export interface DrainResult {
  /** Milliseconds from SIGTERM to the end of each session, sorted. */
  readonly ends: readonly number[];
  /** What clients have received at the end, by condition of the stream error. */
  readonly conditions: readonly string[];
  readonly exitCode: number | null;
  /** Milliseconds from SIGTERM to the end of the process. */
  readonly exitMs: number;
}

const domain = 'proxy.example';
/** Logins at once; more make each other late. */
const loginsAtOnce = 20;

export async function measureDrain({
  sessions,
  drainMs,
  drainSpreadMs,
  progress,
}: DrainRequest): Promise<DrainResult> {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue([domain]);
  const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    socket.on('data', () => {}).on('end', () => socket.end());
  });
  const process = await serveProcess({
    config: {
      domains: [{ domain, gatekeeper: 'test' }],
      timeouts: { drainMs, drainSpreadMs },
      limits: { connectionsPerAddressMax: 0 },
    },
    gatekeeper: {
      connect: { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' },
      caFile: 'gatekeeper.crt',
    },
    files: { 'gatekeeper.crt': authority.certificate },
  });
  try {
    const port = Number(process.log.find(({ event }) => event === 'listener.opened')?.['port']);
    const clients: Awaited<ReturnType<typeof logInRaw>>[] = [];
    while (clients.length < sessions) {
      const some = Math.min(loginsAtOnce, sessions - clients.length);
      const options = { to: domain, servername: domain };
      const more = Array.from({ length: some }, () => logInRaw(port, process.ca, options));
      clients.push(...(await Promise.all(more)));
      progress?.(clients.length);
    }
    const exit = once(process.child, 'exit') as Promise<[number | null]>;
    const started = performance.now();
    const ends = Promise.all(clients.map(({ closed }) => closed.then(() => performance.now() - started)));
    process.child.kill('SIGTERM');
    const [exitCode] = await exit;
    const exitMs = performance.now() - started;
    return {
      ends: (await ends).toSorted((one, other) => one - other),
      conditions: clients.map((client) => /<stream:error><([a-z-]+) /.exec(client.received())?.[1] ?? 'none'),
      exitCode,
      exitMs,
    };
  } finally {
    process.child.kill('SIGKILL');
    gatekeeper.close();
  }
}

/** Returns how long the middle 80 % of the ends took, in milliseconds. */
export function middleOf(ends: readonly number[]): number {
  const tenth = Math.floor(ends.length / 10);
  return ends[ends.length - 1 - tenth]! - ends[tenth]!;
}
