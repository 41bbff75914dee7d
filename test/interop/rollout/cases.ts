/** The cases of the table in docs/draining.md, and what must hold in each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ejabberd, prosody, prosody13 } from '../../peers/servers.ts';
import { rollBoth, type RolloutCase, type RolloutCounts, type Scene } from './rollout.ts';

export interface ExpectedCase extends RolloutCase {
  readonly expects: {
    /** Least part of the reconnections that are resumptions. */
    readonly resumed: number;
    /** Whether no acknowledged message may be lost or returned: the server keeps messages. */
    readonly keeps: boolean;
    /** Whether no message may come twice. */
    readonly once: boolean;
  };
}

const handedOver = { resumed: 0.95, keeps: true, once: true };
const renewed = { resumed: 0, keeps: true, once: false };

/** One replica is killed, and comes back after a while. */
async function killOne({ replicas }: Scene): Promise<void> {
  await replicas.kill(0);
  await sleep(1_000);
  await replicas.start(0);
}

/** One replica is killed after a pause of the load, in which the counts of its sessions are written. */
async function killOneAtRest(scene: Scene): Promise<void> {
  scene.load.end();
  await sleep(4_000);
  await scene.replicas.kill(0);
  await sleep(2_000);
  scene.load.begin();
  await scene.replicas.start(0);
}

/** Four workers are killed one after another, each when the one before is replaced. */
async function killWorkers({ replicas }: Scene): Promise<void> {
  for (let killed = 0; killed < 4; killed += 1) {
    await replicas.kill(killed);
    await sleep(2_000);
  }
}

/** Every client loses its connection, and comes back to either replica. */
async function cutAll({ clients }: Scene): Promise<void> {
  for (const client of clients) client.cut();
  await sleep(3_000);
}

/** Every client begins a new session without having ended the one before. */
async function startAnew({ clients }: Scene): Promise<void> {
  for (const client of clients) client.startAnew();
  await sleep(3_000);
}

/** The store is killed between the two replacements, and is back before the second. */
async function rollWithoutStore({ replicas, redis }: Scene): Promise<void> {
  await replicas.drain(0);
  await replicas.start(0);
  await redis!.kill();
  await sleep(2_000);
  await redis!.start();
  // Live streams are written again once the proxy has its connection back.
  await sleep(8_000);
  await replicas.drain(1);
  await replicas.start(1);
}

/** Both replicas are replaced while the store is away. */
async function rollWhileStoreIsAway(scene: Scene): Promise<void> {
  await scene.redis!.kill();
  await rollBoth(scene);
  await scene.redis!.start();
}

const keeps = { keepsMessages: true };
const drops = { keepsMessages: false };

export const rolloutCases: readonly ExpectedCase[] = [
  { name: 'store, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: rollBoth, expects: handedOver },
  { name: 'store, Prosody 0.12 that keeps no messages', server: prosody, serverOptions: drops, store: true, events: rollBoth, expects: handedOver },
  { name: 'store, Prosody 13', server: prosody13, serverOptions: keeps, store: true, events: rollBoth, expects: handedOver },
  { name: 'store, ejabberd', server: ejabberd, serverOptions: keeps, store: true, events: rollBoth, expects: handedOver },
  { name: 'store, Prosody 0.12, policy balanced', server: prosody, serverOptions: keeps, store: true, policy: 'balanced', events: rollBoth, expects: handedOver },
  { name: 'store, every connection cut, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: cutAll, expects: { ...handedOver, resumed: 0.95 } },
  { name: 'no store, Prosody 0.12', server: prosody, serverOptions: keeps, store: false, events: rollBoth, expects: renewed },
  { name: 'no store, ejabberd', server: ejabberd, serverOptions: keeps, store: false, events: rollBoth, expects: renewed },
  { name: 'no store, Prosody 0.12 that keeps no messages', server: prosody, serverOptions: drops, store: false, events: rollBoth, expects: { ...renewed, keeps: false } },
  { name: 'store, one replica killed at rest, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: killOneAtRest, expects: handedOver },
  { name: 'store, one replica killed at rest, ejabberd', server: ejabberd, serverOptions: keeps, store: true, events: killOneAtRest, expects: handedOver },
  { name: 'store, one replica killed, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: killOne, expects: renewed },
  { name: 'store, one replica killed, ejabberd', server: ejabberd, serverOptions: keeps, store: true, anyResource: true, events: killOne, expects: renewed },
  { name: 'store, one replica killed, ejabberd, same resource', server: ejabberd, serverOptions: keeps, store: true, events: killOne, expects: { ...renewed, keeps: false } },
  { name: 'store killed and back between the two, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: rollWithoutStore, expects: handedOver },
  { name: 'store away during the rollout, Prosody 0.12', server: prosody, serverOptions: keeps, store: true, events: rollWhileStoreIsAway, expects: renewed },
  { name: 'four workers killed one after another, Prosody 0.12', server: prosody, serverOptions: keeps, store: false, workers: 4, events: killWorkers, expects: renewed },
  { name: 'no proxy, every connection cut, Prosody 0.12', server: prosody, serverOptions: keeps, store: false, withoutProxy: true, events: cutAll, expects: handedOver },
  { name: 'no proxy, every connection cut, ejabberd', server: ejabberd, serverOptions: keeps, store: false, withoutProxy: true, events: cutAll, expects: handedOver },
  { name: 'no proxy, every client starts anew, Prosody 0.12', server: prosody, serverOptions: keeps, store: false, withoutProxy: true, events: startAnew, expects: { ...renewed, keeps: false } },
  { name: 'no proxy, every client starts anew, ejabberd', server: ejabberd, serverOptions: keeps, store: false, withoutProxy: true, events: startAnew, expects: { ...renewed, keeps: false } },
]; // prettier-ignore

/** Returns what of a case did not hold. */
export function problemsOf({ expects }: ExpectedCase, counts: RolloutCounts): string[] {
  const { resumed, newSessions, lost, returned, duplicates, duplicatesOfResumed, unacknowledged } = counts;
  const reconnections = resumed + newSessions;
  return [
    ...(reconnections < counts.clients / 4 ? [`only ${reconnections} reconnections`] : []),
    ...(resumed < expects.resumed * reconnections ? [`${resumed} of ${reconnections} resumed`] : []),
    ...(expects.keeps && lost + returned > 0
      ? [`${lost} lost, ${returned} returned: ${counts.missing.join(', ')}`]
      : []),
    ...(expects.once && duplicatesOfResumed > 0 ? [`${duplicates} duplicates`] : []),
    ...(unacknowledged > 0 ? [`${unacknowledged} not acknowledged`] : []),
  ];
}
