/** Memory of idle sessions of clients over WebSocket, against those over TCP. */
import { readFileSync } from 'node:fs';
import { freePort } from '../../src/app/demo/free-port.ts';
import { workingTree } from './checkout.ts';
import { ask } from './child.ts';
import { startNarthex, writeCredentials, type Contender } from './contenders.ts';
import { processors, spawnPinned, stop } from './pinned.ts';
import { memoryAtRest } from './resident.ts';
import type { Bench, BenchContext, Row } from './row.ts';
import { spreadOf } from './statistics.ts';
import type { LoadRequest, Started, Transport } from './websocket-load.ts';

const sessions = 1_000;
/** Opened and closed before the first figure; see `idle`. */
const warmUpSessions = 200;
const roundsByDefault = 3;
const aim = 1.2;

export const webSocketBench: Bench = {
  name: 'websocket',
  summary:
    `Resident memory that ${sessions.toLocaleString('en')} idle sessions of clients over WebSocket add to the proxy after garbage ` +
    'collection, per session, against clients over TCP with TLS. The gatekeeper is on TCP with TLS in both; in each round ' +
    'each is measured in a new process.',
  run,
};

async function run({ rounds = roundsByDefault }: BenchContext): Promise<Row[]> {
  const { folder, credentials } = await writeCredentials();
  await using _ = folder;
  const script = new URL('websocket-load.ts', import.meta.url).pathname;
  const load = spawnPinned(
    processors.load,
    process.execPath,
    [script],
    ['ignore', 'inherit', 'inherit', 'ipc'],
  );
  const asks = (request: LoadRequest): Promise<unknown> => ask(load, request);
  try {
    const [cert, key, ca] = [credentials.cert, credentials.key, credentials.ca].map((file) =>
      readFileSync(file, 'utf8'),
    ) as [string, string, string];
    const { port: upstream } = (await asks({ kind: 'start', cert, key, ca })) as Started;
    const samples: Record<Transport, number[]> = { tcp: [], websocket: [] };
    for (let round = 0; round < rounds; round += 1)
      for (const transport of ['tcp', 'websocket'] as const) {
        const httpPort = await freePort();
        const limits = { connectionsPerAddressMax: 0 };
        const http = {
          host: '127.0.0.1',
          port: httpPort,
          publicUrl: 'https://localhost',
          websocket: {},
          limits,
        };
        const settings = { policy: 'passthrough', capabilities: false, http } as const;
        const proxy = await startNarthex(workingTree, settings, { folder, credentials, upstream });
        try {
          const port = transport === 'tcp' ? proxy.port : httpPort;
          samples[transport].push(await measure(asks, proxy, transport, port));
        } finally {
          await proxy.stop();
        }
      }
    return [
      {
        name: 'websocket: idle',
        byteLength: 0,
        figure: spreadOf(samples.websocket),
        unit: 'kB per session',
        ratio: spreadOf(samples.websocket.map((value, round) => value / samples.tcp[round]!)),
        yardstick: 'TCP with TLS',
        aim,
      },
    ];
  } finally {
    await stop(load);
  }
}

/** Returns kilobytes (1,000 bytes) of resident memory per session. */
async function measure(
  asks: (request: LoadRequest) => Promise<unknown>,
  proxy: Contender,
  transport: Transport,
  port: number,
): Promise<number> {
  await asks({ kind: 'open', transport, port, sessions: warmUpSessions });
  await asks({ kind: 'close' });
  const { residentBytes: before } = await memoryAtRest(proxy);
  await asks({ kind: 'open', transport, port, sessions });
  const growth = (await memoryAtRest(proxy)).residentBytes - before;
  await asks({ kind: 'close' });
  return growth / sessions / 1_000;
}
