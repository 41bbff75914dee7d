/** State in memory, for tests of what uses it. */
import { MemoryStore } from '../../src/state/memory-store.ts';
import { stateKindNames, type StateKind } from '../../src/state/kinds.ts';

/** Returns an empty store of 100 records of each kind. */
export function memoryState(
  recordsMax: Partial<Record<StateKind, number>> = {},
  now = (): number => performance.now(),
): MemoryStore {
  const usual = Object.fromEntries(stateKindNames.map((kind) => [kind, 100])) as Record<StateKind, number>;
  return new MemoryStore({ recordsMax: { ...usual, ...recordsMax }, now });
}
