/** Clients that say little, while the server behind the proxy restarts, the certificate changes, and the network fails. After each
 *  event every client has to be back, and no connection left that no client has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetMember } from '../../peers/fleet.ts';
import type { ServerKind } from '../../peers/servers.ts';
import type { Memory } from '../../support/memory-drift.ts';
import { Random } from '../../support/random.ts';
import { eventually } from '../../support/wait.ts';
import { connectionsAt, memoryAfterCollection, metricsOf, socketsOf } from './counts.ts';
import { events, type EventName } from './events.ts';
import { openScene, type GroupOptions, type Scene } from './scene.ts';

export interface SparseOptions {
  readonly server: ServerKind;
  readonly groups: readonly GroupOptions[];
  /** In turn, again and again until `runMs` is over, and each at least once. */
  readonly events: readonly EventName[];
  readonly runMs: number;
  /** Between two events. */
  readonly quietMs: number;
  /** Between two messages in all, while it is quiet. */
  readonly messageMs: number;
  /** In which every client must be back, and every other connection gone. */
  readonly backMs: number;
  /** After which a client that was not heard is asked to send again. */
  readonly againMs: number;
  readonly seed: number;
  readonly onTurn?: (turn: SparseTurn) => void;
}

/** What followed one event. */
export interface SparseTurn {
  readonly event: EventName;
  /** Clients that lost their connection. */
  readonly affected: number;
  /** Until every client had written to another and had heard from one. */
  readonly backSeconds: number;
  /** Until connections, descriptors and sessions were those of the clients. */
  readonly settledSeconds: number;
  /** Sessions that the proxy opened meanwhile; each attempt counts. */
  readonly sessions: number;
  /** Of the proxy. */
  readonly memory: Memory;
}

export interface SparseResult {
  readonly clients: number;
  readonly turns: readonly SparseTurn[];
  /** Messages in quiet times, all of which arrived. */
  readonly messages: number;
}

/** @throws Error where a client does not come back, a connection stays that no client has, or a message is lost */
export async function runSparse(options: SparseOptions): Promise<SparseResult> {
  const scene = await openScene(options.server, options.groups);
  const members = scene.groups.flatMap(({ members: own }) => own);
  const random = new Random(options.seed);
  const turns: SparseTurn[] = [];
  let messages = 0;
  try {
    await everyoneBack(members, 'the beginning', options);
    await settled(scene, members.length, options.backMs);
    const deadline = performance.now() + options.runMs;
    while (turns.length < options.events.length || performance.now() < deadline) {
      messages += await quiet(members, random, options);
      const turn = await takeTurn(scene, members, turns.length, options);
      turns.push(turn);
      options.onTurn?.(turn);
    }
    return { clients: members.length, turns, messages };
  } finally {
    await scene.close();
  }
}

/** Of the proxy, in an error. */
const logLines = 40;

async function takeTurn(
  scene: Scene,
  members: readonly FleetMember[],
  number: number,
  options: SparseOptions,
): Promise<SparseTurn> {
  const event = options.events[number % options.events.length]!;
  const opened = async (): Promise<number> =>
    (await metricsOf(scene.proxy)).get('narthex_sessions_total') ?? 0;
  const before = await opened();
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  try {
    const affected = await events[event](scene);
    await everyoneBack(members, `${event} ${number}`, options);
    const backSeconds = seconds();
    await settled(scene, members.length, options.backMs);
    const settledSeconds = seconds();
    const sessions = (await opened()) - before;
    if (sessions < affected) throw new Error(`${sessions} new sessions for ${affected} lost connections`);
    const memory = await memoryAfterCollection(scene.proxy);
    return { event, affected, backSeconds, settledSeconds, sessions, memory };
  } catch (error) {
    const logs = [
      ...scene.groups.map(({ logTail }) => logTail()),
      ...scene.proxy.log.slice(-logLines).map((line) => JSON.stringify(line)),
    ];
    const what = `after ${event} (turn ${number + 1}): ${String(error)}`;
    throw new Error([what, ...logs].join('\n'), { cause: error });
  }
}

/** Each client writes to the next until it is heard: it can send, and be reached. */
async function everyoneBack(
  members: readonly FleetMember[],
  when: string,
  { backMs, againMs }: SparseOptions,
): Promise<void> {
  const pairs = members.map((sender, index) => ({
    sender,
    receiver: members[(index + 1) % members.length]!,
    body: `${sender.jid} after ${when}`,
  }));
  const open = () => pairs.filter(({ receiver, body }) => !receiver.heard.has(body));
  const words = (): string =>
    `${open()
      .map(({ sender, receiver }) => `${sender.jid} to ${receiver.jid}`)
      .join(', ')} not heard`;
  const deadline = performance.now() + backMs;
  while (open().length > 0) {
    if (performance.now() > deadline) throw new Error(`${words()} in ${backMs} ms`);
    for (const { sender, receiver, body } of open()) sender.send(receiver.jid, body);
    await eventually(() => open().length === 0, againMs).catch(() => {});
  }
}

/** Some clients write to others now and then; the rest is idle. Returns how many messages there were. */
async function quiet(
  members: readonly FleetMember[],
  random: Random,
  { quietMs, messageMs, backMs }: SparseOptions,
): Promise<number> {
  const sent: { readonly receiver: FleetMember; readonly body: string }[] = [];
  const deadline = performance.now() + quietMs;
  while (performance.now() < deadline) {
    const sender = random.pick(members.filter((_, index) => index % 2 === 0));
    const receiver = random.pick(members.filter((each) => each !== sender));
    const body = `${sender.jid} at ${performance.now()}`;
    sender.send(receiver.jid, body);
    sent.push({ receiver, body });
    await sleep(messageMs);
  }
  const lost = () => sent.filter(({ receiver, body }) => !receiver.heard.has(body));
  await eventually(
    () => lost().length === 0,
    backMs,
    () => `${lost().length} messages in quiet times`,
  );
  return sent.length;
}

/** Waits until the proxy has a session, and two sockets, for each client, and the kernel no other connection of it. */
async function settled(
  { proxy, server, ports, idleSockets }: Scene,
  clients: number,
  waitMs: number,
): Promise<void> {
  const wanted = {
    sessions: clients,
    'connections of clients': clients,
    'connections at the server': clients,
    'sockets of the proxy': idleSockets + 2 * clients,
  };
  let found: Record<string, number> = {};
  await eventuallyAsync(
    async () => {
      found = {
        sessions: (await metricsOf(proxy)).get('narthex_sessions') ?? 0,
        'connections of clients': Object.values(ports).reduce((sum, port) => sum + connectionsAt(port), 0),
        'connections at the server': connectionsAt(server.ports.direct),
        'sockets of the proxy': socketsOf(proxy.child.pid!),
      };
      return JSON.stringify(found) === JSON.stringify(wanted);
    },
    waitMs,
    () => `${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`,
  );
}

const pollMs = 250;

async function eventuallyAsync(
  look: () => Promise<boolean>,
  timeoutMs: number,
  what: () => string,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what()}`);
    await sleep(pollMs);
  }
}
