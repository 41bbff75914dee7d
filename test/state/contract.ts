/** What every store of state does, whatever keeps its records. */
import { expect, it } from 'vitest';
import { stateKinds, stateKindNames } from '../../src/state/kinds.ts';
import type { StateStore } from '../../src/state/store.ts';

const text = (value: string): Uint8Array => Buffer.from(value);
const read = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

/** Registers the tests.
 *  @param open returns two stores with the same records, as two replicas have them
 *  @param wait lets this many milliseconds pass */
export function storeContract(
  open: () => readonly [StateStore, StateStore],
  wait: (milliseconds: number) => Promise<void>,
): void {
  it('gives what was set, at every replica, until it is deleted', async () => {
    const [one, other] = open();
    expect(await other.get('answer', 'a')).toBeUndefined();
    await one.set('answer', 'a', text('first'), 60_000);
    expect(read(await other.get('answer', 'a'))).toBe('first');
    await other.set('answer', 'a', text('second'), 60_000);
    expect(read(await one.get('answer', 'a'))).toBe('second');
    await one.delete('answer', 'a');
    expect(await other.get('answer', 'a')).toBeUndefined();
    await one.delete('answer', 'a');
  });

  it('keeps kinds and names apart', async () => {
    const [store] = open();
    for (const kind of stateKindNames) await store.set(kind, 'same', text(kind), 60_000);
    for (const kind of stateKindNames) expect(read(await store.get(kind, 'same'))).toBe(kind);
    expect(await store.get('nonce', 'sam')).toBeUndefined();
  });

  it('forgets a record at the end of its life, which a later write sets anew', async () => {
    const [store] = open();
    await store.set('push', 'short', text('x'), 100);
    await store.set('push', 'long', text('x'), 100);
    await store.set('push', 'long', text('y'), 60_000);
    await wait(300);
    expect(await store.get('push', 'short')).toBeUndefined();
    expect(read(await store.get('push', 'long'))).toBe('y');
    expect(await store.claim('push', 'short', text('z'), 60_000)).toBeUndefined();
  });

  it('lets one of many claims at once succeed, and shows the others its value', async () => {
    const stores = open();
    const claims = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const earlier = await stores[index % 2]!.claim('nonce', 'n', text(`request ${index}`), 60_000);
        return { index, earlier: read(earlier) };
      }),
    );
    const successful = claims.filter(({ earlier }) => earlier === undefined);
    expect(successful).toHaveLength(1);
    const others = claims.filter(({ earlier }) => earlier !== undefined);
    expect(new Set(others.map(({ earlier }) => earlier))).toEqual(
      new Set([`request ${successful[0]!.index}`]),
    );
  });

  it('keeps every byte of a value, the largest and the empty one too', async () => {
    const [one, other] = open();
    for (const kind of stateKindNames)
      for (const size of [0, 1, stateKinds[kind].paddedToBytes, stateKinds[kind].valueBytesMax]) {
        const value = Uint8Array.from({ length: size }, (_, index) => (index * 31) % 256);
        await one.set(kind, 'bytes', value, 60_000);
        expect(Buffer.from(value).equals((await other.get(kind, 'bytes'))!)).toBe(true);
      }
  });

  it('refuses a value or a life above the bound of its kind', async () => {
    const [store] = open();
    const { valueBytesMax, ttlMsMax } = stateKinds.nonce;
    await expect(store.set('nonce', 'n', new Uint8Array(valueBytesMax + 1), 1)).rejects.toThrow(RangeError);
    await expect(store.claim('nonce', 'n', new Uint8Array(1), ttlMsMax + 1)).rejects.toThrow(RangeError);
    await expect(store.claim('nonce', 'n', new Uint8Array(1), Number.NaN)).rejects.toThrow(RangeError);
    expect(await store.get('nonce', 'n')).toBeUndefined();
    expect(await store.claim('nonce', 'n', new Uint8Array(1), ttlMsMax)).toBeUndefined();
  });
}
