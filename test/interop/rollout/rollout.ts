/** A rollout under load: clients of two replicas exchange numbered messages with partners at the server, while the
 *  replicas are replaced one after another. Counts what became of sessions and messages. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis, type RedisPeer } from '../../peers/redis.ts';
import type { PeerServer, ServerOptions } from '../../peers/server.ts';
import type { ServerKind } from '../../peers/servers.ts';
import { Random } from '../../support/random.ts';
import { eventually, within } from '../../support/wait.ts';
import { ManagedClient, type ManagedClientOptions } from './managed-client.ts';
import {
  startReplicas,
  startWorkers,
  withoutReplicas,
  type Replicas,
  type ReplicasOptions,
} from './replicas.ts';

export interface RolloutCase {
  readonly name: string;
  readonly server: ServerKind;
  readonly serverOptions?: ServerOptions;
  readonly store: boolean;
  /** Whether the clients connect straight to the server, for comparison. */
  readonly withoutProxy?: boolean;
  /** Processes of one proxy that share its port, in place of two replicas. */
  readonly workers?: number;
  readonly policy?: string;
  /** Whether the server chooses the resource, so that a new session does not replace the one before. */
  readonly anyResource?: boolean;
  /** What happens to the replicas; the load goes on meanwhile. */
  readonly events: (scene: Scene) => Promise<void>;
}

export interface Scene {
  readonly replicas: Replicas;
  readonly redis: RedisPeer | undefined;
  /** The clients of the replicas. */
  readonly clients: readonly ManagedClient[];
  /** Ends the load, until it is begun again. */
  readonly load: Load;
}

export interface Load {
  readonly begin: () => void;
  readonly end: () => void;
}

export interface RolloutCounts {
  readonly clients: number;
  readonly resumed: number;
  readonly newSessions: number;
  /** Messages that a server has acknowledged to their senders. */
  readonly acknowledged: number;
  /** Of these, the ones that never arrived and were not returned as errors. */
  readonly lost: number;
  /** Of these, the ones that came back to their senders as errors. */
  readonly returned: number;
  readonly duplicates: number;
  /** Duplicates that came from, or to, clients which resumed every time. */
  readonly duplicatesOfResumed: number;
  /** Messages that were not acknowledged in the end. */
  readonly unacknowledged: number;
  /** Messages that were acknowledged and did not arrive: sender and number. */
  readonly missing: readonly string[];
}

export interface RolloutOptions {
  readonly clients: number;
  /** Between two messages of one client, in milliseconds. */
  readonly messageMs: number;
  readonly drainMs: number;
  readonly drainSpreadMs: number;
  readonly seed: number;
}

const password = 'a password for all';
/** For the first session of each client; machines under load take long. */
const onlineMs = 60_000;
/** For the last messages to arrive, and for sessions that the server gives up. */
const settleMs = 60_000;

/** Replaces both replicas, one after another, as a rolling update does. */
export async function rollBoth({ replicas }: Scene): Promise<void> {
  for (const index of [0, 1]) {
    const code = await replicas.drain(index);
    if (code !== 0) throw new Error(`a replica ended with ${code}`);
    await replicas.start(index);
  }
}

export async function runRollout(rolloutCase: RolloutCase, options: RolloutOptions): Promise<RolloutCounts> {
  const { server: kind, serverOptions, store, policy = 'passthrough', events } = rolloutCase;
  const resource = rolloutCase.anyResource === true ? undefined : 'phone';
  const random = new Random(options.seed);
  const users = Array.from({ length: options.clients }, (_, index) => [
    `client${index}`,
    `partner${index}`,
  ]).flat();
  const accounts = Object.fromEntries(users.map((user) => [user, password]));
  const server = await kind.start({ plain: true, accounts, ...serverOptions });
  let redis: RedisPeer | undefined;
  let replicas: Replicas | undefined;
  let pairs: Pair[] = [];
  try {
    redis = store ? await startRedis() : undefined;
    const { drainMs, drainSpreadMs } = options;
    replicas = await replicasOf(rolloutCase, { server, redis, drainMs, drainSpreadMs, policy });
    pairs = await logInPairs(server, options.clients, { port: replicas.port, resource }, random);
    const load = loadOf(pairs, options.messageMs, random);
    load.begin();
    await sleep(1_000);
    await events({ replicas, redis, clients: pairs.map(({ client }) => client), load });
    await sleep(2_000);
    load.end();
    await settled(pairs);
    return countsOf(pairs);
  } finally {
    for (const { client, partner } of pairs) {
      client.stop();
      partner.stop();
    }
    await replicas?.close();
    await redis?.close();
    await server.close();
  }
}

async function replicasOf(
  { withoutProxy, workers }: RolloutCase,
  options: ReplicasOptions,
): Promise<Replicas> {
  if (withoutProxy === true) return withoutReplicas(options.server);
  return await (workers === undefined ? startReplicas(options) : startWorkers(workers, options));
}

/** A client of the replicas, and the contact at the server that it converses with. */
interface Pair {
  readonly client: ManagedClient;
  readonly partner: ManagedClient;
  readonly clientUser: string;
  readonly partnerUser: string;
  readonly clientJid: string;
  readonly partnerJid: string;
}

async function logInPairs(
  { domain, ports, certificates }: PeerServer,
  count: number,
  endpoint: Pick<ManagedClientOptions, 'port' | 'resource'>,
  random: Random,
): Promise<Pair[]> {
  const common = { ca: certificates.authority, domain, password, random };
  const logIn = async (
    options: Pick<ManagedClientOptions, 'port' | 'user' | 'resource'>,
  ): Promise<ManagedClient> => {
    const client = new ManagedClient({ ...common, ...options });
    await within(onlineMs, `log in ${options.user}`, client.online);
    return client;
  };
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const [clientUser, partnerUser] = [`client${index}`, `partner${index}`];
      return {
        partner: await logIn({ port: ports.direct, user: partnerUser, resource: 'home' }),
        client: await logIn({ ...endpoint, user: clientUser }),
        clientUser,
        partnerUser,
        clientJid: `${clientUser}@${domain}`,
        partnerJid: `${partnerUser}@${domain}`,
      };
    }),
  );
}

/** Lets all clients send, each at a time of its own. */
function loadOf(pairs: readonly Pair[], messageMs: number, random: Random): Load {
  const timers = new Set<NodeJS.Timeout>();
  const senders = pairs.flatMap(({ client, partner, clientJid, partnerJid }) => [
    () => client.send(partnerJid),
    () => partner.send(clientJid),
  ]);
  return {
    begin() {
      for (const send of senders) {
        const first = setTimeout(() => timers.add(setInterval(send, messageMs)), random.below(messageMs));
        timers.add(first);
      }
    },
    end() {
      for (const timer of timers) clearInterval(timer);
      timers.clear();
    },
  };
}

/** Waits until everything is acknowledged and has arrived, or no more comes. */
async function settled(pairs: readonly Pair[]): Promise<void> {
  await eventually(() => {
    const { unacknowledged, lost } = countsOf(pairs);
    return unacknowledged === 0 && lost === 0;
  }, settleMs).catch(() => {});
  // A copy of a message may come later than the message.
  await sleep(1_000);
}

function countsOf(pairs: readonly Pair[]): RolloutCounts {
  const ways = pairs.flatMap((pair) => [
    wayOf(pair.client, pair.clientUser, pair.partner, pair.client),
    wayOf(pair.partner, pair.partnerUser, pair.client, pair.client),
  ]);
  const sum = (value: (way: Way) => number): number => ways.reduce((total, way) => total + value(way), 0);
  const total = (value: (client: ManagedClient) => number): number =>
    pairs.reduce((all, { client }) => all + value(client), 0);
  const returned = sum((way) => way.returned);
  return {
    clients: pairs.length,
    resumed: total((client) => client.resumed),
    newSessions: total((client) => client.newSessions),
    acknowledged: sum((way) => way.acknowledged),
    lost: Math.max(0, sum((way) => way.missing.length) - returned),
    returned,
    duplicates: sum((way) => way.duplicates),
    duplicatesOfResumed: sum((way) => (way.alwaysResumed ? way.duplicates : 0)),
    unacknowledged: sum((way) => way.unacknowledged),
    missing: ways.flatMap((way) => way.missing),
  };
}

/** The messages of one sender to one receiver. */
interface Way {
  readonly acknowledged: number;
  readonly missing: readonly string[];
  readonly returned: number;
  readonly duplicates: number;
  readonly unacknowledged: number;
  readonly alwaysResumed: boolean;
}

function wayOf(sender: ManagedClient, user: string, receiver: ManagedClient, client: ManagedClient): Way {
  const received = receiver.received.get(user) ?? new Map<number, number>();
  const missing = [...sender.confirmed]
    .filter((number) => !received.has(number))
    .map((number) => `${user} ${number}`);
  return {
    acknowledged: sender.confirmed.size,
    missing,
    returned: sender.returned,
    duplicates: [...received.values()].reduce((extra, times) => extra + times - 1, 0),
    unacknowledged: sender.open,
    alwaysResumed: client.newSessions === 0,
  };
}
