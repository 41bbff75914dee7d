/** Reports of a shared store, for logs and metrics: closed words and numbers. */
import type { StateKind } from './kinds.ts';

export const stateOperations = ['get', 'set', 'claim', 'delete'] as const;
export type StateOperation = (typeof stateOperations)[number];

/** The outcome of an operation.
 *  - `timeout`: the server did not answer in time.
 *  - `failed`: it answered with an error, or the connection ended meanwhile.
 *  - `lost`: there was no connection, so nothing was sent.
 *  - `busy`: too many operations waited for the server, so nothing was sent. */
export const stateOutcomes = ['ok', 'timeout', 'failed', 'lost', 'busy'] as const;
export type StateOutcome = (typeof stateOutcomes)[number];

/** Why the store is lost.
 *  - `unreachable`: no connection could be made, TLS included.
 *  - `refused`: the server refused the user, the password, or the first command.
 *  - `closed`: the connection ended.
 *  - `failing`: several operations in a row had no answer in time, or an error. */
export const stateLosses = ['unreachable', 'refused', 'closed', 'failing'] as const;
export type StateLoss = (typeof stateLosses)[number];

export interface StateObserver {
  operated(operation: StateOperation, outcome: StateOutcome, milliseconds: number): void;
  /** The store answers again. */
  up(): void;
  /** The store does not answer. Called once, and again only after `up`. */
  down(why: StateLoss): void;
  /** A value did not open, and was treated as absent. */
  refused(kind: StateKind): void;
}
