/** What taking TLS from one client costs in CPU time: plainly with Node, as it comes and with the TLS settings of the
 *  proxy (which resumes no sessions, and so saves the tickets), with the proxy's own listener, with each of the signals that it
 *  captures, with everything that connection signals add (also the policy and a signed attestation), and with the whole
 *  product. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AcceptRequest } from './accept-server.ts';
import { workingTree } from './checkout.ts';
import { ask } from './child.ts';
import { startNarthex, writeCredentials, type Surroundings } from './contenders.ts';
import { Load, type CredentialFiles } from './load.ts';
import { cpuMicroseconds, processors, spawnPinned, stop } from './pinned.ts';
import type { Bench, BenchContext, Checkout, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

const roundsByDefault = 40;
const roundsAgainst = 80;
/** What runs once per connection is compiled late: the last functions after some thousand. A server is measured as it
 *  is after its first minutes, and not while it compiles. */
const warmUpHandshakes = 8_000;
const handshakes = 50;
const concurrency = 8;
/** Of everything to an accept with the same TLS settings. */
const aim = 1.2;
const againstAim = 1.02;

export const acceptBench: Bench = {
  name: 'accept',
  summary:
    `CPU time per full TLS 1.3 handshake, in rounds of ${handshakes}, ${concurrency} at once, each closed again. ` +
    'The same clients; each server is a process.',
  run,
};

type Kind = AcceptRequest['kind'];

const names: Readonly<Record<Kind, string>> = {
  plain: 'Node',
  settings: "Node with the proxy's TLS settings",
  listener: "the proxy's listener",
  syn: 'the listener with SYN',
  hello: 'the listener with JA4',
  signals: 'the listener with SYN, JA4 and attestation',
};

/** A server that takes TLS. */
interface Acceptor {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A row to be: what is measured, and what it is compared to. */
interface Comparison {
  readonly acceptor: Acceptor;
  readonly yardstick: Acceptor;
  readonly aim?: number;
}

async function run({ rounds, against }: BenchContext): Promise<Row[]> {
  const { folder, credentials } = await writeCredentials();
  await using _ = folder;
  await using load = await Load.start(credentials);
  const around: Surroundings = { folder, credentials, upstream: load.port };
  const started: Acceptor[] = [];
  try {
    const comparisons =
      against === undefined ? await field(around, started) : await pairs(around, started, against);
    const count = rounds ?? (against === undefined ? roundsByDefault : roundsAgainst);
    const costs = await measure(load, started, count);
    return comparisons.map((comparison) => row(comparison, costs));
  } finally {
    await Promise.all(started.map((acceptor) => acceptor.stop()));
  }
}

async function field(around: Surroundings, started: Acceptor[]): Promise<Comparison[]> {
  const start = async (acceptor: Promise<Acceptor>): Promise<Acceptor> => {
    started.push(await acceptor);
    return acceptor;
  };
  const plain = await start(startServer('plain', workingTree, around.credentials));
  const settings = await start(startServer('settings', workingTree, around.credentials));
  const listener = await start(startServer('listener', workingTree, around.credentials));
  const syn = await start(startServer('syn', workingTree, around.credentials));
  const hello = await start(startServer('hello', workingTree, around.credentials));
  const signals = await start(startServer('signals', workingTree, around.credentials));
  const product = await start(
    startNarthex(workingTree, { policy: 'passthrough', capabilities: false }, around),
  );
  return [
    ...[settings, listener, signals, product].map((acceptor) => ({ acceptor, yardstick: plain })),
    ...[listener, syn, hello].map((acceptor) => ({ acceptor, yardstick: settings })),
    { acceptor: signals, yardstick: settings, aim },
    { acceptor: product, yardstick: settings },
  ];
}

async function pairs(around: Surroundings, started: Acceptor[], against: Checkout): Promise<Comparison[]> {
  const starts = [
    (tree: Checkout) => startServer('listener', tree, around.credentials),
    (tree: Checkout) => startServer('signals', tree, around.credentials),
    (tree: Checkout) => startNarthex(tree, { policy: 'passthrough', capabilities: false }, around),
  ];
  const comparisons: Comparison[] = [];
  for (const start of starts) {
    const yardstick = await start(against);
    started.push(yardstick);
    const acceptor = await start(workingTree);
    started.push(acceptor);
    comparisons.push({ acceptor, yardstick, aim: againstAim });
  }
  return comparisons;
}

/** CPU microseconds per handshake of each server, by round. */
async function measure(
  load: Load,
  acceptors: readonly Acceptor[],
  rounds: number,
): Promise<ReadonlyMap<Acceptor, number[]>> {
  const samples = new Map(acceptors.map((acceptor): [Acceptor, number[]] => [acceptor, []]));
  const warmUp = rounds < roundsByDefault ? handshakes : warmUpHandshakes;
  for (const { port } of acceptors) await load.handshakes(port, warmUp, concurrency);
  for (let round = 0; round < rounds; round += 1)
    for (const acceptor of round % 2 === 0 ? acceptors : acceptors.toReversed()) {
      const before = cpuMicroseconds(acceptor.pid);
      await load.handshakes(acceptor.port, handshakes, concurrency);
      samples.get(acceptor)!.push((cpuMicroseconds(acceptor.pid) - before) / handshakes);
    }
  return samples;
}

function row({ acceptor, yardstick, aim }: Comparison, costs: ReadonlyMap<Acceptor, number[]>): Row {
  const [own, other] = [costs.get(acceptor)!, costs.get(yardstick)!];
  return {
    name: `accept: ${acceptor.name}`,
    byteLength: 0,
    figure: spreadOf(own),
    unit: 'µs per handshake',
    ratio: spreadOf(own.map((cost, round) => cost / other[round]!)),
    yardstick: yardstick.name,
    ...(aim !== undefined && { aim }),
  };
}

/** The file of the revision that is measured, which knows how to put its own parts together. */
async function startServer(
  kind: Kind,
  { root, suffix }: Checkout,
  { ca, cert, key }: CredentialFiles,
): Promise<Acceptor> {
  const file = join(root, 'test/bench/accept-server.ts');
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
  const child = spawnPinned(processors.contender, process.execPath, [file], [...stdio]);
  const pem = (path: string): string => readFileSync(path, 'utf8');
  const request: AcceptRequest = { kind, ca: pem(ca), cert: pem(cert), key: pem(key) };
  const port = (await ask(child, request)) as number;
  return { name: names[kind] + suffix, port, pid: child.pid!, stop: () => stop(child) };
}
