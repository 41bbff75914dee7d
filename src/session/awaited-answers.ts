/** Deliveries of stanzas that a peer may answer, by which the time of the answer is equalised. Times and names of
 *  stanzas are kept for a while, stanzas never. */
import { createHash } from 'node:crypto';
import { coarseTickMs, equalisedTime } from '../minimisation/equalise.ts';

export interface AnswerLimits {
  /** Deliveries of one direction of one session whose answers are awaited; above it the oldest is forgotten. */
  readonly awaitedAnswersMax: number;
}

export const defaultAnswerLimits: AnswerLimits = { awaitedAnswersMax: 1_024 };

/** Milliseconds after which a delivery is forgotten. */
const awaitedMs = 600_000;
/** Characters above which a name is hashed, so that entries are bounded. */
const nameCharactersMax = 128;

/** The name by which a stanza is answered: its kind, party, and id. */
export interface Awaited {
  readonly kind: string;
  /** Bare JID of its sender; '' for the account itself. */
  readonly party: string;
  readonly id: string;
}

interface Delivery {
  /** Deliveries of stanzas of this name in monotonic milliseconds, oldest first: a client answers each of them. */
  readonly at: number[];
  /** Milliseconds after it at which the answer to a request leaves; undefined where the answer's own rule sets them. */
  afterMs: number | undefined;
  /** Number of answers of each field that have named it. */
  readonly answers: Map<string, number>;
}

/** When an answer may leave. `unmatched`: no stanza of its name was delivered. `surplus`: it may answer one that was
 *  forgotten because too many were delivered, so it is dropped. */
export type AnswerTime =
  { readonly kind: 'matched' | 'unmatched'; readonly dueAt: number } | { readonly kind: 'surplus' };

export class AwaitedAnswers {
  readonly #limits: AnswerLimits;
  readonly #now: () => number;
  readonly #beganAt: number;
  /** Deliveries by name, in the order of the first. */
  readonly #deliveries = new Map<string, Delivery>();
  #count = 0;
  /** Monotonic time at which a delivery was last forgotten that could still be answered soon. */
  #crowdedAt = -Infinity;

  /** @param now returns monotonic milliseconds */
  constructor(limits: AnswerLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#beganAt = now();
  }

  /** Number of deliveries in memory. */
  get size(): number {
    return this.#count;
  }

  /** Records the delivery of a stanza.
   *  @param afterMs of the answer to a request */
  deliver(awaited: Awaited, afterMs: number | undefined): void {
    const now = this.#now();
    this.#forget(now);
    const name = nameOf(awaited);
    const known = this.#deliveries.get(name);
    if (known === undefined) this.#deliveries.set(name, { at: [now], afterMs, answers: new Map() });
    else {
      known.at.push(now);
      known.afterMs = afterMs;
    }
    this.#count += 1;
  }

  /** Returns when an answer that was just read may leave.
   *  @param afterMs of the answer's own field; 0 for at once */
  timeOf(awaited: Awaited, field: string, afterMs: number): AnswerTime {
    const now = this.#now();
    const delivery = this.#deliveries.get(nameOf(awaited));
    const usedMs = (awaited.kind === 'iq' ? delivery?.afterMs : undefined) ?? afterMs;
    if (usedMs === 0) return { kind: delivery === undefined ? 'unmatched' : 'matched', dueAt: now };
    if (delivery === undefined)
      return now - this.#crowdedAt < coarseTickMs
        ? { kind: 'surplus' }
        : { kind: 'unmatched', dueAt: equalisedTime(this.#beganAt, coarseTickMs, now) };
    // Answers are matched in order: with one match for all, sending the stanza again would move the time.
    const before = delivery.answers.get(field) ?? 0;
    delivery.answers.set(field, before + 1);
    const at = delivery.at[Math.min(before, delivery.at.length - 1)]!;
    return { kind: 'matched', dueAt: equalisedTime(at, usedMs, now) };
  }

  #forget(now: number): void {
    for (const [name, { at }] of this.#deliveries) {
      const isOld = now - at.at(-1)! > awaitedMs;
      if (!isOld && this.#count < this.#limits.awaitedAnswersMax) return;
      if (!isOld && now - at[0]! < coarseTickMs) this.#crowdedAt = now;
      this.#count -= at.length;
      this.#deliveries.delete(name);
    }
  }
}

/** Returns the key of a name. XML has no character 0. */
function nameOf({ kind, party, id }: Awaited): string {
  const name = [kind, party, id].join('\0');
  return name.length <= nameCharactersMax ? name : createHash('sha256').update(name).digest('base64');
}
