/** Where stanzas of one direction wait: for the end of a delay, or for the stage that holds them. What is behind a
 *  waiting stanza between the same two parties waits too (RFC 6120 §10.1); everything else goes by. Nothing in here
 *  survives its session. */
import { StreamError } from '../stanza/error.ts';

export interface WaitingLimits {
  /** Stanzas that wait at once in one direction of one session. Beyond it, delays end at once. */
  readonly waitingMax: number;
  /** Their bytes. */
  readonly waitingBytesMax: number;
}

export const defaultWaitingLimits: WaitingLimits = { waitingMax: 256, waitingBytesMax: 1_048_576 };

/** A stanza that waits. */
export interface Waiting {
  /** Between which parties: bare JID of the other one. */
  readonly key: string;
  readonly bytes: number;
  /** Monotonic milliseconds; Infinity while a stage holds it. */
  dueAt: number;
  /** Sends it, when its turn has come. */
  leave(): void;
}

export interface WaitingRoomOptions {
  readonly limits: WaitingLimits;
  readonly now: () => number;
  /** Runs `task` after `milliseconds`. @returns what cancels it. */
  readonly schedule: (milliseconds: number, task: () => void) => () => void;
}

export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  /** By key, oldest first; no empty lists. */
  readonly #queues = new Map<string, Waiting[]>();
  #count = 0;
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #wakeAt = Infinity;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /** Whether somebody waits with this key. */
  has(key: string): boolean {
    return this.#queues.has(key);
  }

  /** @throws StreamError ERR_WAITING when too much waits behind a stanza that a stage holds. */
  enter(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.key);
    if (queue === undefined) this.#queues.set(waiting.key, [waiting]);
    else queue.push(waiting);
    this.#count += 1;
    this.#bytes += waiting.bytes;
    if (this.#isFull()) {
      this.#endDelays();
      const { waitingMax, waitingBytesMax } = this.#options.limits;
      if (this.#isFull())
        throw new StreamError('resource-constraint', { code: 'ERR_WAITING', waitingMax, waitingBytesMax });
    }
    this.#wake();
  }

  /** One that a stage held leaves the queue for good. */
  remove(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.key);
    const index = queue?.indexOf(waiting) ?? -1;
    if (queue === undefined || index === -1) return;
    queue.splice(index, 1);
    this.#forget(waiting, queue);
    this.advance();
  }

  /** Lets go of whatever is due. */
  advance(): void {
    const now = this.#options.now();
    for (const queue of this.#queues.values()) {
      while (queue[0] !== undefined && queue[0].dueAt <= now) {
        const waiting = queue.shift()!;
        this.#forget(waiting, queue);
        waiting.leave();
      }
    }
    this.#wake();
  }

  close(): void {
    this.#queues.clear();
    this.#count = 0;
    this.#bytes = 0;
    this.#wake();
  }

  #isFull(): boolean {
    const { waitingMax, waitingBytesMax } = this.#options.limits;
    return this.#count > waitingMax || this.#bytes > waitingBytesMax;
  }

  #endDelays(): void {
    for (const queue of this.#queues.values())
      for (const waiting of queue) if (waiting.dueAt !== Infinity) waiting.dueAt = 0;
    this.advance();
  }

  #forget(waiting: Waiting, queue: readonly Waiting[]): void {
    this.#count -= 1;
    this.#bytes -= waiting.bytes;
    if (queue.length === 0) this.#queues.delete(waiting.key);
  }

  /** One timer, for whoever is due first. */
  #wake(): void {
    let first = Infinity;
    for (const [head] of this.#queues.values()) first = Math.min(first, head!.dueAt);
    if (first === this.#wakeAt) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakeAt = first;
    if (first === Infinity) return;
    this.#cancel = this.#options.schedule(Math.max(0, first - this.#options.now()), () => {
      this.#wakeAt = Infinity;
      this.#cancel = undefined;
      this.advance();
    });
  }
}
