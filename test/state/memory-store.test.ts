import { describe, expect, it } from 'vitest';
import { memoryState } from '../support/state.ts';
import { storeContract } from './contract.ts';

describe('the store in memory', () => {
  let now = 1;
  storeContract(
    () => {
      const store = memoryState({}, () => now);
      return [store, store];
    },
    async (milliseconds) => {
      now += milliseconds;
    },
  );

  it('is that of one process', () => {
    expect(memoryState().shared).toBe(false);
  });

  it('has at most as many records of each kind as it may, and forgets the one used longest ago', async () => {
    const store = memoryState({ nonce: 2 });
    for (const name of ['a', 'b']) await store.set('nonce', name, Uint8Array.of(1), 60_000);
    await store.get('nonce', 'a');
    await store.set('nonce', 'c', Uint8Array.of(1), 60_000);
    await store.set('push', 'b', Uint8Array.of(2), 60_000);
    expect(await store.get('nonce', 'b')).toBeUndefined();
    expect(await store.get('nonce', 'a')).toBeDefined();
    expect(await store.get('nonce', 'c')).toBeDefined();
    expect(await store.get('push', 'b')).toEqual(Uint8Array.of(2));
  });
});
