/** Queues the stanzas of one direction that are delayed by the policy or held by a stage. Stanzas between the same
 *  two parties keep their order: a later one waits for the earlier (RFC 6120 §10.1). Others overtake. The queue ends
 *  with its session. */
import { StreamError } from '../stanza/error.ts';

export interface DelayLimits {
  /** Stanzas queued in one direction of one session. Above it, all delays end at once. */
  readonly waitingMax: number;
  /** Bytes of those stanzas. Above it, all delays end at once. */
  readonly waitingBytesMax: number;
}

export const defaultDelayLimits: DelayLimits = { waitingMax: 256, waitingBytesMax: 1_048_576 };

/** A stanza in the queue. */
export interface QueuedStanza {
  /** The other party: stanzas with the same key keep their order. */
  readonly key: string;
  readonly bytes: number;
  /** Monotonic milliseconds; Infinity while a stage holds it. */
  dueAt: number;
  /** Called once, when the stanza is due and the first of its key. */
  send(): void;
}

export interface DelayQueueOptions {
  readonly limits: DelayLimits;
  readonly now: () => number;
  /** Runs `task` after `milliseconds`. @returns a function that cancels it. */
  readonly schedule: (milliseconds: number, task: () => void) => () => void;
}

export class DelayQueue {
  readonly #options: DelayQueueOptions;
  /** By key, oldest first; no empty lists. Undefined before the first stanza: most sessions have none. */
  #queues: Map<string, QueuedStanza[]> | undefined;
  #count = 0;
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #wakeAt = Infinity;

  constructor(options: DelayQueueOptions) {
    this.#options = options;
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /** Returns whether a stanza with this key is queued. */
  has(key: string): boolean {
    return this.#queues?.has(key) === true;
  }

  /** Returns whether a stanza of this size fits into the limits. */
  hasRoomFor(bytes: number): boolean {
    const { waitingMax, waitingBytesMax } = this.#options.limits;
    return this.#count < waitingMax && this.#bytes + bytes <= waitingBytesMax;
  }

  /** Appends a stanza to those of its key.
   *  @throws StreamError ERR_WAITING when the limits are exceeded by stanzas that stages hold. */
  enqueue(queued: QueuedStanza): void {
    this.#queues ??= new Map();
    const queue = this.#queues.get(queued.key);
    if (queue === undefined) this.#queues.set(queued.key, [queued]);
    else queue.push(queued);
    this.#count += 1;
    this.#bytes += queued.bytes;
    if (this.#isFull()) {
      this.#endDelays();
      const { waitingMax, waitingBytesMax } = this.#options.limits;
      if (this.#isFull())
        throw new StreamError('resource-constraint', { code: 'ERR_WAITING', waitingMax, waitingBytesMax });
    }
    this.#wake();
  }

  /** Removes a stanza without sending it, and sends those that were due after it. */
  remove(queued: QueuedStanza): void {
    const queue = this.#queues?.get(queued.key);
    const index = queue?.indexOf(queued) ?? -1;
    if (queue === undefined || index === -1) return;
    queue.splice(index, 1);
    this.#forget(queued, queue);
    this.releaseDue();
  }

  /** Sends every stanza that is due and the first of its key. */
  releaseDue(): void {
    const now = this.#options.now();
    for (const queue of this.#queues?.values() ?? []) {
      while (queue[0] !== undefined && queue[0].dueAt <= now) {
        const queued = queue.shift()!;
        this.#forget(queued, queue);
        queued.send();
      }
    }
    this.#wake();
  }

  /** Discards every stanza and cancels the timer. */
  close(): void {
    this.#queues = undefined;
    this.#count = 0;
    this.#bytes = 0;
    this.#wake();
  }

  #isFull(): boolean {
    const { waitingMax, waitingBytesMax } = this.#options.limits;
    return this.#count > waitingMax || this.#bytes > waitingBytesMax;
  }

  #endDelays(): void {
    for (const queue of this.#queues?.values() ?? [])
      for (const queued of queue) if (queued.dueAt !== Infinity) queued.dueAt = 0;
    this.releaseDue();
  }

  #forget(queued: QueuedStanza, queue: readonly QueuedStanza[]): void {
    this.#count -= 1;
    this.#bytes -= queued.bytes;
    if (queue.length === 0) this.#queues?.delete(queued.key);
  }

  /** Sets one timer for the earliest head of a key. */
  #wake(): void {
    let first = Infinity;
    for (const [head] of this.#queues?.values() ?? []) first = Math.min(first, head!.dueAt);
    if (first === this.#wakeAt) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakeAt = first;
    if (first === Infinity) return;
    this.#cancel = this.#options.schedule(Math.max(0, first - this.#options.now()), () => {
      this.#wakeAt = Infinity;
      this.#cancel = undefined;
      this.releaseDue();
    });
  }
}
