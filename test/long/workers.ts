/** CPU time of one process and of two that share the ports, at the same rate of stanzas for each process, and how the two
 *  divide it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthority } from '../support/certificates.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

/** Of each process. */
const clientsPerProcess = 60;
const stanzasPerSecond = 600;
const roundSeconds = 8;
const tickMs = 20;

interface Round {
  /** CPU time of all serving processes per stanza there and back, in microseconds. */
  readonly perStanzaUs: number;
  /** Part of the CPU time that each process took. */
  readonly shares: readonly number[];
}

async function measure(workers: number): Promise<Round> {
  const authority = createAuthority();
  const pair = authority.issue({ dns: ['proxy.example'] });
  const gatekeeper = await startRawGatekeeper(pair.cert, pair.key, (socket) =>
    socket.on('data', (bytes: Buffer) => socket.write(bytes)),
  );
  const serving = await serveProcess({
    files: { 'gatekeeper-ca.crt': authority.cert, secret: 'p'.repeat(32) },
    gatekeeper: {
      connect: { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' },
      caFile: 'gatekeeper-ca.crt',
    },
    config: {
      domains: [{ domain: 'proxy.example', gatekeeper: 'test' }],
      policy: { file: 'balanced', keyFiles: ['secret'] },
      limits: { connectionsPerAddressMax: 0 },
    },
    options: ['--workers', String(workers)],
  });
  const started = (): number => serving.log.filter(({ event }) => event === 'proxy.started').length;
  await eventually(() => started() === workers, 60_000);
  const port = Number(serving.log.find(({ event }) => event === 'listener.opened')!['port']);
  const clients: RawClient[] = [];
  for (let count = 0; count < clientsPerProcess * workers; count += 1)
    clients.push(await logInRaw(port, serving.ca, { servername: 'proxy.example', to: 'proxy.example' }));
  const { pid } = serving.child;
  const pids = workers === 1 ? [pid!] : await childrenOf(pid!);
  const rate = stanzasPerSecond * workers;
  await send(clients, rate, 2);
  const before = await Promise.all(pids.map(cpuUs));
  const sent = await send(clients, rate, roundSeconds);
  const spent = (await Promise.all(pids.map(cpuUs))).map((after, index) => after - before[index]!);
  for (const { tcp } of clients) tcp.destroy();
  await serving.stop();
  gatekeeper.close();
  const total = spent.reduce((sum, each) => sum + each, 0);
  return { perStanzaUs: total / sent, shares: spent.map((each) => each / total) };
}

/** Sends `rate` stanzas per second, over the clients in turn. Returns how many. */
async function send(clients: readonly RawClient[], rate: number, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  const start = performance.now();
  let sent = 0;
  while (performance.now() < end) {
    const due = ((performance.now() - start) / 1_000) * rate;
    for (; sent < due; sent += 1) {
      const client = clients[sent % clients.length]!;
      client.socket.write(
        `<message id='m${sent}' to='a@proxy.example'><body>${'b'.repeat(200)}</body></message>`,
      );
      client.forget();
    }
    await sleep(tickMs);
  }
  return sent;
}

async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
}

/** Microseconds of CPU time that a process has used (proc(5): utime and stime, in ticks of 10 ms). */
async function cpuUs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Runs `count` pairs of rounds, one process and two, and compares medians. */
async function run({ count, progress }: LongRunRequest): Promise<LongRunResult> {
  const one: Round[] = [];
  const two: Round[] = [];
  for (let round = 0; round < count; round += 1) {
    one.push(await measure(1));
    two.push(await measure(2));
    progress(round + 1);
  }
  const ratio = median(two.map((each, index) => each.perStanzaUs / one[index]!.perStanzaUs));
  const shares = two.flatMap((each) => each.shares);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  return {
    figures: {
      'CPU per stanza, one process, µs': median(one.map(({ perStanzaUs }) => perStanzaUs)).toFixed(1),
      'CPU per stanza, two processes, µs': median(two.map(({ perStanzaUs }) => perStanzaUs)).toFixed(1),
      'ratio, median': ratio.toFixed(3),
      'share of a process': `${(100 * least).toFixed(0)} to ${(100 * most).toFixed(0)} %`,
    },
    failures: [
      ...(ratio > 1.1 ? [`two processes need ${ratio.toFixed(3)} of the CPU time of one; at most 1.1`] : []),
      ...(least < 0.4 ? [`a process had ${(100 * least).toFixed(0)} % of the work; 40 to 60 %`] : []),
    ],
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

export const longRun: LongRun = {
  name: 'workers',
  summary: 'CPU time of two processes that share the ports, in comparison with one',
  unit: 'pairs of rounds',
  count: 5,
  run,
};
