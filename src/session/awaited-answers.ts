/** Deliveries of stanzas that a peer may answer, by which the time of the answer is equalised. Times and hashed names of
 *  stanzas are kept for a while, stanzas never. */
import { coarseTickMs, equalisedTime } from '../minimisation/equalise.ts';

export interface AnswerLimits {
  /** Deliveries of one direction of one session whose answers are awaited; above it the oldest is forgotten. */
  readonly awaitedAnswersMax: number;
}

export const defaultAnswerLimits: AnswerLimits = { awaitedAnswersMax: 1_024 };

/** Milliseconds after which a delivery is forgotten. */
const awaitedMs = 600_000;
/** Deliveries for which there is room at first. */
const roomInitial = 16;
// Shared by all that have no delivery: an empty array takes 200 bytes too.
const noNumbers = new Float64Array(0);
/** In place of the milliseconds of a delivery that has none. */
const unset = -1;

/** When an answer may leave. `unmatched`: no stanza of its name was delivered. `surplus`: it may answer one that was
 *  forgotten because too many were delivered, so it is dropped. */
export type AnswerTime =
  { readonly kind: 'matched' | 'unmatched'; readonly dueAt: number } | { readonly kind: 'surplus' };

export class AwaitedAnswers {
  readonly #limits: AnswerLimits;
  readonly #now: () => number;
  readonly #beganAt: number;
  // Deliveries, oldest first: a ring of names and times, and of what is known of each. Nearly all are never answered.
  #names: string[] = [];
  #at: Float64Array = noNumbers;
  #afterMs: Float64Array = noNumbers;
  /** Fields of the answers that have named it; undefined before the first. */
  #answeredBy: (string[] | undefined)[] = [];
  #oldest = 0;
  #count = 0;
  /** Monotonic time at which a delivery was last forgotten that could still be answered soon. */
  #crowdedAt = -Infinity;

  /** @param now returns monotonic milliseconds */
  constructor(limits: AnswerLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#beganAt = now();
  }

  /** Records the delivery of a stanza.
   *  @param name of the stanza, by which an answer finds it; a hash, since it is kept
   *  @param afterMs of the answer to a request; undefined where the answer's own rule sets it */
  deliver(name: string, afterMs: number | undefined): void {
    const now = this.#now();
    this.#forget(now);
    if (this.#count === this.#at.length) this.#grow();
    const slot = this.#slotOf(this.#count);
    this.#names[slot] = name;
    this.#at[slot] = now;
    this.#afterMs[slot] = afterMs ?? unset;
    this.#count += 1;
  }

  /** Returns when an answer that was just read may leave.
   *  @param name of the stanza that it answers
   *  @param field of the answer
   *  @param afterMs of that field; 0 for at once
   *  @param isRequested whether it answers a request, which may have a time of its own */
  timeOf(name: string, field: string, afterMs: number, isRequested = false): AnswerTime {
    const now = this.#now();
    const { slot, requestedMs } = this.#find(name, field);
    const usedMs = isRequested && requestedMs !== unset ? requestedMs : afterMs;
    if (usedMs === 0) return { kind: slot === -1 ? 'unmatched' : 'matched', dueAt: now };
    if (slot === -1)
      return now - this.#crowdedAt < coarseTickMs
        ? { kind: 'surplus' }
        : { kind: 'unmatched', dueAt: equalisedTime(this.#beganAt, coarseTickMs, now) };
    const answeredBy = (this.#answeredBy[slot] ??= []);
    if (!answeredBy.includes(field)) answeredBy.push(field);
    return { kind: 'matched', dueAt: equalisedTime(this.#at[slot]!, usedMs, now) };
  }

  /** Finds the first delivery of a name that no answer of this field has named; the last one, when all have been.
   *  Answers are matched in order: with one match for all, sending the stanza again would move the time.
   *  @returns -1 without a delivery; the milliseconds of the last one */
  #find(name: string, field: string): { readonly slot: number; readonly requestedMs: number } {
    let found = -1;
    let last = -1;
    for (let place = 0; place < this.#count; place += 1) {
      const slot = this.#slotOf(place);
      if (this.#names[slot] !== name) continue;
      last = slot;
      if (found === -1 && this.#answeredBy[slot]?.includes(field) !== true) found = slot;
    }
    return { slot: found === -1 ? last : found, requestedMs: last === -1 ? unset : this.#afterMs[last]! };
  }

  #slotOf(place: number): number {
    const slot = this.#oldest + place;
    return slot < this.#at.length ? slot : slot - this.#at.length;
  }

  #grow(): void {
    const room = Math.min(Math.max(roomInitial, 2 * this.#count), this.#limits.awaitedAnswersMax);
    const slots = Array.from({ length: this.#count }, (_, place) => this.#slotOf(place));
    this.#names = slots.map((slot) => this.#names[slot]!);
    this.#at = grown(this.#at, new Float64Array(room), slots);
    this.#afterMs = grown(this.#afterMs, new Float64Array(room), slots);
    this.#answeredBy = slots.map((slot) => this.#answeredBy[slot]);
    this.#oldest = 0;
  }

  #forget(now: number): void {
    while (this.#count > 0) {
      const age = now - this.#at[this.#oldest]!;
      const isOld = age > awaitedMs;
      if (!isOld && this.#count < this.#limits.awaitedAnswersMax) return;
      if (!isOld && age < coarseTickMs) this.#crowdedAt = now;
      this.#names[this.#oldest] = '';
      this.#answeredBy[this.#oldest] = undefined;
      this.#oldest = this.#slotOf(1);
      this.#count -= 1;
    }
  }
}

/** Copies what was in these slots to the start of a larger array.
 *  @returns the larger array */
function grown(from: Float64Array, to: Float64Array, slots: readonly number[]): Float64Array {
  slots.forEach((slot, place) => {
    to[place] = from[slot]!;
  });
  return to;
}
