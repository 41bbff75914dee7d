/** State that outlives a request or a connection, and that all replicas must have alike: one small interface. A process
 *  alone keeps it in its memory (`memory-store.ts`). */
import { stateKinds, type StateKind } from './kinds.ts';

/** Takes and gives records. A record has a kind, a name within its kind, a value, and an end of life.
 *
 *  Every method throws StateUnavailable when the store is lost or slower than its timeout. Then it is unknown whether a
 *  change was made. */
export interface StateStore {
  /** Whether other processes have the same records. */
  readonly shared: boolean;
  /** Changes when the store answers again after it was lost: records of before may be gone. */
  readonly epoch: number;
  /** Returns the value of a record; undefined for none. */
  get(kind: StateKind, name: string): Promise<Uint8Array | undefined>;
  /** Writes a record, in place of an earlier one.
   *  @param ttlMs its life in milliseconds, at most `ttlMsMax` of the kind
   *  @throws RangeError for a value or a life above the bound of the kind */
  set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void>;
  /** Writes a record unless there is one. Of several callers at once, in any process, one succeeds.
   *  @returns undefined on success, or else the value that is there
   *  @throws RangeError as `set` */
  claim(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<Uint8Array | undefined>;
  /** Removes a record, if there is one. */
  delete(kind: StateKind, name: string): Promise<void>;
}

/** The store did not answer, or not in time. */
export class StateUnavailable extends Error {
  override readonly name = 'StateUnavailable';
  readonly code = 'ERR_STATE_UNAVAILABLE';

  constructor() {
    super('ERR_STATE_UNAVAILABLE');
  }
}

/** Checks a value and its life against the bounds of its kind.
 *  @returns whole milliseconds, 1 at least
 *  @throws RangeError */
export function checkRecord(kind: StateKind, value: Uint8Array, ttlMs: number): number {
  const { valueBytesMax, ttlMsMax } = stateKinds[kind];
  if (value.length > valueBytesMax) throw new RangeError(`a ${kind} has at most ${valueBytesMax} bytes`);
  if (!(ttlMs <= ttlMsMax)) throw new RangeError(`a ${kind} lives at most ${ttlMsMax} ms`);
  return Math.max(1, Math.ceil(ttlMs));
}
