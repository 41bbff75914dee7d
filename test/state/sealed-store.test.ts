/** State at a server that is not trusted: what it sees, what it can do, and two secrets while one is rotated. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FallbackStore } from '../../src/state/fallback-store.ts';
import { stateKindNames } from '../../src/state/kinds.ts';
import type { SealedStore } from '../../src/state/sealed-store.ts';
import { sealedBytes } from '../../src/state/sealing.ts';
import type { StateStore } from '../../src/state/store.ts';
import { memoryState } from '../support/state.ts';
import { storeContract } from './contract.ts';
import { linked, sealedStore, type Linked } from './server.ts';

const marker = 'juliet@capulet.example';
const text = (value: string): Buffer => Buffer.from(value);

let each: Linked;
let store: SealedStore;

beforeEach(async () => {
  each = linked({ operationsMax: 100 });
  await each.link.start();
  store = sealedStore(each, 'a');
  return () => each.link.close();
});

/** Another replica at the same server. */
async function replica(...secrets: string[]): Promise<SealedStore> {
  const other = linked({ operationsMax: 100 }, each.clock, each.server);
  await other.link.start();
  return sealedStore({ ...other, reports: each.reports }, ...secrets);
}

describe('a sealed store', () => {
  let other: SealedStore;
  beforeEach(async () => {
    other = await replica('a');
  });
  storeContract(
    () => [store, other],
    async (milliseconds) => each.clock.advance(milliseconds),
  );
});

describe('a sealed store while its secret is rotated', () => {
  let other: SealedStore;
  beforeEach(async () => {
    store = await replica('a', 'b');
    other = await replica('b', 'a');
  });
  storeContract(
    () => [store, store],
    async (milliseconds) => each.clock.advance(milliseconds),
  );

  it('finds what either order of secrets has written, and deletes it', async () => {
    await store.set('answer', 'x', text('old'), 60_000);
    expect(await other.get('answer', 'x')).toEqual(text('old'));
    await other.set('answer', 'x', text('new'), 60_000);
    expect(await store.get('answer', 'x')).toEqual(text('new'));
    expect(each.server.records.size).toBe(1);
    await store.delete('answer', 'x');
    expect(await other.get('answer', 'x')).toBeUndefined();
  });

  it('never lets two claims succeed, one after the other or at once', async () => {
    expect(await store.claim('nonce', 'x', text('1'), 60_000)).toBeUndefined();
    expect(await other.claim('nonce', 'x', text('2'), 60_000)).toEqual(text('1'));
    const old = await replica('a');
    expect(await old.claim('nonce', 'x', text('3'), 60_000)).toEqual(text('1'));
    for (let round = 0; round < 50; round += 1) {
      const name = `n${round}`;
      const claims = await Promise.all(
        [store, other, store, other].map((one, index) =>
          one.claim('nonce', name, text(String(index)), 60_000),
        ),
      );
      expect(claims.filter((earlier) => earlier === undefined).length).toBeLessThanOrEqual(1);
    }
  });

  it('forgets the former secret with it', async () => {
    await store.set('answer', 'x', text('old'), 60_000);
    const after = await replica('b');
    expect(await after.get('answer', 'x')).toBeUndefined();
    expect(each.reports.refusals).toEqual([]);
  });
});

describe('what the server has', () => {
  it('is names and values that do not reveal what they are about', async () => {
    for (const kind of stateKindNames) await store.set(kind, `${marker} ${kind}`, text(marker), 60_000);
    const dump = [...each.server.records]
      .map(([key, { value }]) => `${key} ${value.toString('latin1')}`)
      .join('\n');
    expect(each.server.records.size).toBe(stateKindNames.length);
    for (const word of [marker, 'juliet', 'capulet', ...stateKindNames]) {
      expect(dump).not.toContain(word);
      expect(dump).not.toContain(Buffer.from(word).toString('base64url').slice(1, -1));
      expect(dump).not.toContain(Buffer.from(word).toString('hex'));
    }
    for (const key of each.server.records.keys()) expect(key).toMatch(/^narthex:[A-Za-z0-9_-]{43}$/);
  });

  it('has the lengths of its kind', async () => {
    await store.set('nonce', 'a', text('x'), 60_000);
    await store.set('push', 'b', text('y'.repeat(60)), 60_000);
    const lengths = [...each.server.records.values()].map(({ value }) => value.length);
    expect(lengths).toEqual([sealedBytes('nonce', 1), sealedBytes('push', 60)]);
    expect(new Set(lengths).size).toBe(1);
  });

  it('ends by itself', async () => {
    await store.claim('nonce', 'a', text('x'), 500);
    expect([...each.server.records.values()][0]!.endsAt - each.clock.now).toBe(500);
  });
});

describe('a value that the server has changed or moved', () => {
  const only = (): string => [...each.server.records.keys()][0]!;

  it('is counted, and treated as absent', async () => {
    await store.set('answer', 'x', text('value'), 60_000);
    each.server.records.get(only())!.value[40]! ^= 1;
    expect(await store.get('answer', 'x')).toBeUndefined();
    expect(each.reports.refusals).toEqual(['answer']);
  });

  it('of another record does not pass for this one', async () => {
    await store.set('resumption', 'mine', text('mine'), 60_000);
    const mine = only();
    await store.set('resumption', 'theirs', text('theirs'), 60_000);
    const theirs = [...each.server.records.keys()][1]!;
    each.server.records.set(mine, each.server.records.get(theirs)!);
    expect(await store.get('resumption', 'mine')).toBeUndefined();
    expect(each.reports.refusals).toEqual(['resumption']);
  });

  it('does not block a claim, which replaces it', async () => {
    await store.claim('nonce', 'x', text('first'), 60_000);
    each.server.records.get(only())!.value = Buffer.from('junk');
    expect(await store.claim('nonce', 'x', text('second'), 60_000)).toBeUndefined();
    expect(await store.get('nonce', 'x')).toEqual(text('second'));
    expect(each.reports.refusals).toEqual(['nonce']);
  });
});

describe('a store that is lost, where requests are served without it', () => {
  let both: StateStore;

  beforeEach(() => {
    both = new FallbackStore(store, memoryState());
  });

  it('is replaced by the memory of the process, but for counts of streams', async () => {
    expect(both.shared).toBe(true);
    each.server.takes = () => Promise.reject(new Error('down'));
    each.server.cut();
    await Promise.resolve();
    expect(await both.claim('nonce', 'x', text('1'), 60_000)).toBeUndefined();
    expect(await both.claim('nonce', 'x', text('2'), 60_000)).toEqual(text('1'));
    await both.set('answer', 'x', text('kept'), 60_000);
    expect(await both.get('answer', 'x')).toEqual(text('kept'));
    await both.delete('answer', 'x');
    expect(await both.get('answer', 'x')).toBeUndefined();
    await expect(both.set('resumption', 'x', text('1'), 60_000)).rejects.toThrow('ERR_STATE_UNAVAILABLE');
  });

  it('is used as long as it answers, and its refusals of too large values are not hidden', async () => {
    expect(await both.claim('nonce', 'x', text('1'), 60_000)).toBeUndefined();
    expect(await store.get('nonce', 'x')).toEqual(text('1'));
    await expect(both.set('nonce', 'x', Buffer.alloc(1_000), 60_000)).rejects.toThrow(RangeError);
  });
});
