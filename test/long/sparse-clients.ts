/** An hour of clients that say little, while the server behind the proxy restarts, is killed or away, the certificate changes, and
 *  connections are cut, or silently lost. */
import { events, type EventName } from '../interop/sparse-clients/events.ts';
import { runSparse, type SparseTurn } from '../interop/sparse-clients/run.ts';
import type { GroupOptions } from '../interop/sparse-clients/scene.ts';
import {
  aioxmppClient,
  libstropheClient,
  nbxmppClient,
  slixmppClient,
  xmppJsClient,
} from '../peers/clients.ts';
import { prosody } from '../peers/servers.ts';
import { judgeMemory } from '../support/memory-drift.ts';
import type { LongRun } from './long-run.ts';

const groups: readonly GroupOptions[] = [
  { kind: xmppJsClient, mode: 'direct', count: 40 },
  { kind: xmppJsClient, mode: 'starttls', count: 20 },
  { kind: xmppJsClient, mode: 'websocket', count: 40 },
  { kind: slixmppClient, mode: 'starttls', count: 30 },
  { kind: slixmppClient, mode: 'direct', count: 15 },
  { kind: libstropheClient, mode: 'direct', count: 10 },
  { kind: aioxmppClient, mode: 'direct', count: 3 },
  { kind: nbxmppClient, mode: 'starttls', count: 2 },
];

/** Of the median of what lives in memory, between the second and the last third of the run; and of the highest resident memory,
 *  between the first third and the rest. */
const growthMax = 0.05;

export const longRun: LongRun = {
  name: 'sparse-clients',
  summary: 'clients of five libraries that say little, through restarts, new certificates and lost networks',
  unit: 'minutes',
  count: 60,
  async run({ count, seed, progress }) {
    const turns: SparseTurn[] = [];
    // Each child process is ended with this one.
    process.setMaxListeners(0);
    const startedAt = performance.now();
    const onTurn = (turn: SparseTurn): void => {
      turns.push(turn);
      progress(Math.floor((performance.now() - startedAt) / 60_000));
      console.log(`  ${inWords(turn)}`);
    };
    try {
      const { clients, messages } = await runSparse({
        server: prosody,
        groups,
        events: Object.keys(events) as EventName[],
        runMs: count * 60_000,
        quietMs: 60_000,
        messageMs: 3_000,
        backMs: 300_000,
        againMs: 10_000,
        seed,
        onTurn,
      });
      const { figures, failures } = judgeMemory(
        turns.map(({ memory }) => memory),
        { driftMax: growthMax, growthMax },
      );
      return { figures: { ...figuresOf(turns, { clients, messages }), ...figures }, failures };
    } catch (error) {
      return { figures: { events: turns.length }, failures: [String(error)] };
    }
  },
};

function inWords({
  event,
  affected,
  backSeconds,
  settledSeconds,
  sessions,
  memory: { liveBytes, residentBytes },
}: SparseTurn): string {
  return (
    `${event}: ${affected} clients back after ${backSeconds.toFixed(0)} s, no other connection after ` +
    `${settledSeconds.toFixed(0)} s, ${sessions} sessions, ${mebibytes(liveBytes)} of ${mebibytes(residentBytes)} MiB live`
  );
}

function figuresOf(
  turns: readonly SparseTurn[],
  { clients, messages }: { clients: number; messages: number },
): Record<string, number | string> {
  const slowest = [...Map.groupBy(turns, ({ event }) => event)].map(([event, some]) => [
    `${event}, slowest return in s`,
    Math.max(...some.map(({ settledSeconds }) => settledSeconds)).toFixed(0),
  ]);
  return {
    clients,
    events: turns.length,
    'lost connections': turns.reduce((sum, { affected }) => sum + affected, 0),
    'sessions of the proxy': turns.reduce((sum, { sessions }) => sum + sessions, 0),
    'messages in quiet times': messages,
    ...Object.fromEntries(slowest),
  };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
