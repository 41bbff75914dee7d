/** The store of shared state on Debian's redis-server, with TLS and a user of its access control list. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openState, type State } from '../../src/app/parts/state.ts';
import { systemClock } from '../../src/app/clock.ts';
import { configSchema } from '../../src/config/schema.ts';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { neededCommands, startRedis, type RedisPeer } from '../peers/redis.ts';
import { describeWithPeers } from '../peers/require.ts';
import { storeContract } from '../state/contract.ts';
import { Reports } from '../state/server.ts';
import { createAuthority } from '../support/certificates.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

let redis: RedisPeer;
let folder: TemporaryFolder;
let keyFile: string;
let opened: State[];

beforeAll(async () => {
  folder = await temporaryFolder();
  keyFile = await folder.write('state.key', 'k'.repeat(32));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});
beforeEach(() => {
  opened = [];
  return async () => {
    for (const state of opened) await state.close();
  };
});

/** Opens the store of a replica, as a configuration says. */
async function open(
  section: Record<string, unknown> = redis.section,
  { reports = new Reports(), ...more }: { readonly reports?: Reports } & Record<string, unknown> = {},
): Promise<State> {
  const { state, limits } = configSchema
    .pick({ state: true, limits: true })
    .parse({ state: { keyFiles: [keyFile], redis: { timeoutMs: 5_000, ...section }, ...more } });
  const opening = await openState(
    { state, limits },
    { limits: defaultHttpLimits, observer: { state: reports, certificates: () => {} }, clock: systemClock },
  );
  opened.push(opening);
  return opening;
}

describeWithPeers(['redis'], 'a store on redis-server', () => {
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
  });
  beforeEach(async () => {
    await redis.command('FLUSHALL');
  });

  describe('of two replicas', () => {
    let replicas: [State, State];
    beforeEach(async () => {
      replicas = [await open(), await open()];
    });
    storeContract(
      () => [replicas[0].store, replicas[1].store],
      (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    );
  });

  it('has names and sealed values, each with an end of its life', async () => {
    const { store } = await open();
    await store.set('resumption', 'juliet@capulet.example', Buffer.from('balcony'), 60_000);
    await store.claim('nonce', 'n', Buffer.from('n'), 60_000);
    const records = await redis.dump();
    expect(records.size).toBe(2);
    for (const [key, value] of records) {
      expect(key).toMatch(/^narthex:[A-Za-z0-9_-]{43}$/);
      expect(value.toString('latin1')).not.toMatch(/juliet|capulet|balcony|nonce|resumption/);
      expect(await redis.command('PTTL', key)).toBeGreaterThan(50_000);
    }
  });

  it('needs no more of its user than docs/shared-state.md lists, and is kept to its prefix', async () => {
    await redis.command('ACL', 'LOG', 'RESET');
    const { store } = await open();
    await store.set('push', 'a', Uint8Array.of(1), 60_000);
    await store.claim('push', 'a', Uint8Array.of(1), 60_000);
    await store.get('push', 'a');
    await store.delete('push', 'a');
    const elsewhere = await open({ ...redis.section, url: `${redis.url}/1` });
    await elsewhere.store.set('push', 'a', Uint8Array.of(1), 60_000);
    expect(await redis.command('ACL', 'LOG')).toEqual([]);
    const other = await open({ ...redis.section, keyPrefix: 'other:' });
    await expect(other.store.get('push', 'a')).rejects.toThrow('ERR_STATE_UNAVAILABLE');
    expect(neededCommands.length).toBeLessThan(6);
  });

  it('is refused with a wrong password, another authority, or by a user that is off', async () => {
    const wrong = await folder.write('wrong', 'wrong\n');
    const stranger = await folder.write('stranger.crt', createAuthority().cert);
    for (const [changed, why] of [
      [{ passwordFile: wrong }, 'refused'],
      [{ username: 'nurse' }, 'refused'],
      [{ username: undefined, passwordFile: undefined }, 'refused'],
      [{ caFile: stranger }, 'unreachable'],
      [{ caFile: undefined }, 'unreachable'],
      [{ url: `rediss://127.0.0.2:${redis.port}` }, 'unreachable'],
      [{ url: `rediss://localhost:${redis.clearPort}` }, 'unreachable'],
      [{ url: `redis://localhost:${redis.port}`, caFile: undefined }, 'unreachable'],
    ] as const) {
      const reports = new Reports();
      const { store } = await open({ connectTimeoutMs: 2_000, ...redis.section, ...changed }, { reports });
      expect([changed, reports.states[0]]).toEqual([changed, why]);
      await expect(store.get('push', 'a')).rejects.toThrow('ERR_STATE_UNAVAILABLE');
    }
  });

  it('opens with a second secret while one is replaced, read again from the files', async () => {
    const [current, next] = [
      await folder.write('current', 'a'.repeat(32)),
      await folder.write('next', 'a'.repeat(32)),
    ];
    const [one, other] = [
      await open(redis.section, { keyFiles: [current, next] }),
      await open(redis.section, { keyFiles: [current, next] }),
    ];
    await one.store.set('answer', 'x', Buffer.from('before'), 60_000);
    const both = async (first: string, second: string): Promise<void> => {
      await Promise.all([writeFile(current, first.repeat(32)), writeFile(next, second.repeat(32))]);
      await Promise.all([one.refresh!(), other.refresh!()]);
    };
    for (const [first, second] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      await both(first, second);
      for (const each of [one, other])
        expect(Buffer.from((await each.store.get('answer', 'x'))!).toString()).toBe('before');
    }
    await one.store.set('answer', 'x', Buffer.from('after'), 60_000);
    await both('b', 'c');
    expect(Buffer.from((await other.store.get('answer', 'x'))!).toString()).toBe('after');
  });

  it('comes back without a restart after the server was killed and started again', async () => {
    const reports = new Reports();
    const { store } = await open(redis.section, { reports });
    await store.set('push', 'a', Uint8Array.of(1), 60_000);
    await redis.kill();
    await eventually(() => reports.states.at(-1) === 'closed');
    await expect(store.get('push', 'a')).rejects.toThrow('ERR_STATE_UNAVAILABLE');
    await redis.start();
    await eventually(() => reports.states.at(-1) === 'up', 20_000);
    expect(await store.get('push', 'a')).toBeUndefined();
    expect(await store.claim('push', 'a', Uint8Array.of(1), 60_000)).toBeUndefined();
  });

  it('comes back after the server has hung, in which time operations fail in bounded time and number', async () => {
    const reports = new Reports();
    const { store } = await open({ ...redis.section, timeoutMs: 100, connectTimeoutMs: 500 }, { reports });
    await store.get('push', 'a');
    redis.hang();
    try {
      for (let round = 0; round < 10; round += 1)
        await Promise.allSettled(Array.from({ length: 100 }, () => store.get('push', 'a')));
      expect(reports.states).toEqual(['up', 'failing']);
      // One round at most was sent before the connection was given up; all others failed at once.
      expect(reports.outcomes.filter((each) => each === 'get timeout').length).toBeLessThanOrEqual(100);
      expect(reports.outcomes.filter((each) => each === 'get lost').length).toBeGreaterThanOrEqual(800);
    } finally {
      redis.wake();
    }
    await eventually(() => reports.states.at(-1) === 'up', 20_000);
    expect(await store.get('push', 'a')).toBeUndefined();
  });

  it('is replaced by each process for itself while it is lost, where requests go on without it', async () => {
    const reports = [new Reports(), new Reports()];
    const [one, other] = [
      await open(redis.section, { reports: reports[0]!, onStoreLost: 'continue' }),
      await open(redis.section, { reports: reports[1]!, onStoreLost: 'continue' }),
    ];
    const claim = ({ store }: State): Promise<Uint8Array | undefined> =>
      store.claim('nonce', 'n', Uint8Array.of(1), 60_000);
    await redis.kill();
    for (const each of reports) await eventually(() => each.states.at(-1) === 'closed');
    expect(await claim(one)).toBeUndefined();
    expect([...(await claim(one))!]).toEqual([1]);
    expect(await claim(other)).toBeUndefined();
    await redis.start();
    for (const each of reports) await eventually(() => each.states.at(-1) === 'up', 20_000);
    expect(await claim(one)).toBeUndefined();
    expect([...(await claim(other))!]).toEqual([1]);
  });

  it('does not keep a proxy from starting when it is not there', async () => {
    await redis.kill();
    const reports = new Reports();
    const { store } = await open(redis.section, { reports });
    expect(reports.states).toEqual(['unreachable']);
    await redis.start();
    await eventually(() => reports.states.at(-1) === 'up', 20_000);
    expect(await store.get('push', 'a')).toBeUndefined();
  });
});

describeWithPeers(['redis'], 'a redis-server that asks for client certificates', () => {
  beforeAll(async () => {
    redis = await startRedis({ clientCertificates: true });
  });
  afterAll(async () => {
    await redis.close();
  });

  it('takes that of the proxy, and no connection without one', async () => {
    const { certFile, keyFile: clientKeyFile } = redis.client;
    const { store } = await open({ ...redis.section, clientCertFile: certFile, clientKeyFile });
    expect(await store.get('push', 'a')).toBeUndefined();
    const reports = new Reports();
    await open(redis.section, { reports });
    expect(reports.states[0]).toBe('unreachable');
  });
});
