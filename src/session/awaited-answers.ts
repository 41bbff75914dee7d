/** When what a peer may answer was delivered to it: by that, the time of its answer is equalised. Times and names of
 *  stanzas are kept for a while, never the stanzas. */
import { createHash } from 'node:crypto';
import { coarseTickMs, equalisedTime } from '../minimisation/equalise.ts';
import type { StanzaKind } from '../stanza/protocol.ts';

export interface AnswerLimits {
  /** Deliveries of one direction of one session whose answers are awaited; above it the oldest is forgotten. */
  readonly awaitedAnswersMax: number;
}

export const defaultAnswerLimits: AnswerLimits = { awaitedAnswersMax: 1_024 };

/** A delivery is forgotten after this many milliseconds. */
const awaitedMs = 600_000;
/** Longer names are hashed, so that an entry has a bound. */
const nameCharactersMax = 128;

/** What an answer names: kind of stanza, party, and id. */
export interface Awaited {
  readonly kind: StanzaKind;
  /** Bare JID of who sent it; '' for the account itself. */
  readonly party: string;
  readonly id: string;
}

interface Delivery {
  /** Of every stanza of this name, oldest first: a client answers each of them. Monotonic milliseconds. */
  readonly at: number[];
  /** How long after it the answer to a request leaves; undefined where the answer itself says so. */
  afterMs: number | undefined;
  /** How many answers of each field have named it. */
  readonly answers: Map<string, number>;
}

/** When an answer may leave. `unmatched`: nothing of its name was delivered. `surplus`: it may answer something that
 *  was forgotten because too much was delivered, and ends at the proxy. */
export type AnswerTime =
  { readonly kind: 'matched' | 'unmatched'; readonly dueAt: number } | { readonly kind: 'surplus' };

export class AwaitedAnswers {
  readonly #limits: AnswerLimits;
  readonly #now: () => number;
  readonly #beganAt: number;
  /** By name, in the order of the first delivery. */
  readonly #deliveries = new Map<string, Delivery>();
  #count = 0;
  /** When a delivery was last forgotten that could still be answered soon. */
  #crowdedAt = -Infinity;

  /** @param now monotonic milliseconds */
  constructor(limits: AnswerLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#beganAt = now();
  }

  /** Deliveries remembered. */
  get size(): number {
    return this.#count;
  }

  /** Notes that a stanza is delivered now. @param afterMs of the answer to a request */
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

  /** When an answer that has come now may leave.
   *  @param afterMs as the answer's own field says; 0 for at once */
  timeOf(awaited: Awaited, field: string, afterMs: number): AnswerTime {
    const now = this.#now();
    const delivery = this.#deliveries.get(nameOf(awaited));
    const usedMs = (awaited.kind === 'iq' ? delivery?.afterMs : undefined) ?? afterMs;
    if (usedMs === 0) return { kind: delivery === undefined ? 'unmatched' : 'matched', dueAt: now };
    if (delivery === undefined)
      return now - this.#crowdedAt < coarseTickMs
        ? { kind: 'surplus' }
        : { kind: 'unmatched', dueAt: equalisedTime(this.#beganAt, coarseTickMs, now) };
    // The first answer is to the first of this name, the second to the second: else sending it again would move the time.
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

/** XML has no character 0. */
function nameOf({ kind, party, id }: Awaited): string {
  const name = [kind, party, id].join('\0');
  return name.length <= nameCharactersMax ? name : createHash('sha256').update(name).digest('base64');
}
