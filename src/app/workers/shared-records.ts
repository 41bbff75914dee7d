/** The records of a worker, which the supervisor keeps in its memory for all workers. */
import type { StateKind } from '../../state/kinds.ts';
import { checkRecord, StateUnavailable, type StateStore } from '../../state/store.ts';
import type { Remote } from './channel.ts';
import type { SupervisorQuestions } from './messages.ts';

export class SharedRecords implements StateStore {
  readonly shared = true;
  /** The supervisor loses no record while a worker lives: without it the worker ends. */
  readonly epoch = 0;
  readonly #supervisor: Remote<SupervisorQuestions>;

  constructor(supervisor: Remote<SupervisorQuestions>) {
    this.#supervisor = supervisor;
  }

  get(kind: StateKind, name: string): Promise<Uint8Array | undefined> {
    return available(this.#supervisor.get(kind, name));
  }

  async set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void> {
    await available(this.#supervisor.set(kind, name, value, checkRecord(kind, value, ttlMs)));
  }

  async claim(
    kind: StateKind,
    name: string,
    value: Uint8Array,
    ttlMs: number,
  ): Promise<Uint8Array | undefined> {
    return await available(this.#supervisor.claim(kind, name, value, checkRecord(kind, value, ttlMs)));
  }

  delete(kind: StateKind, name: string): Promise<void> {
    return available(this.#supervisor.delete(kind, name));
  }
}

async function available<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch {
    throw new StateUnavailable();
  }
}
