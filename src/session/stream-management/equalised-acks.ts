/** Acknowledgements that a peer gives on request (XEP-0198 §4), with equalised times. A delayed one keeps its count.
 *  A later one includes an earlier one, so an earlier one that has not left by then is dropped. */
import type { Direction } from '../../stanza/direction.ts';
import { opposite } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { EqualisedAnswer } from '../../stanza/verdict.ts';
import { AwaitedAnswers, type AnswerLimits } from '../awaited-answers.ts';
import type { Schedule } from '../timers.ts';

export interface EqualisedAcksOptions {
  readonly limits: AnswerLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** Returns whether the time of answers in this direction is equalised. */
  readonly equalises: (direction: Direction) => boolean;
}

/** A request has no id, so all have one name, and acknowledgements are matched in their order. */
const request = '';

export class EqualisedAcks {
  readonly #options: EqualisedAcksOptions;
  /** Requests by the direction of their delivery. */
  readonly #requests: Readonly<Record<Direction, AwaitedAnswers>>;
  /** Number of acknowledgements read, of those waiting, and the last that has left, by their direction. */
  readonly #taken: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };
  readonly #waiting: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };
  readonly #left: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };

  constructor(options: EqualisedAcksOptions) {
    this.#options = options;
    const requests = (): AwaitedAnswers => new AwaitedAnswers(options.limits, options.now);
    this.#requests = { 'to-gatekeeper': requests(), 'to-client': requests() };
  }

  /** Records a request for an acknowledgement that was just forwarded. */
  passed(nonza: Stanza, direction: Direction): void {
    if (nonza.is(0, ns.sm, 'r')) this.requested(direction);
  }

  /** Records a request that was just sent in this direction. */
  requested(direction: Direction): void {
    if (this.#options.equalises(opposite(direction))) this.#requests[direction].deliver(request, undefined);
  }

  /** Takes an acknowledgement, and calls `write` when it may leave: possibly at once, possibly never. */
  take(direction: Direction, { field, afterMs }: EqualisedAnswer, write: () => void): void {
    const { now, schedule, limits } = this.#options;
    const time = this.#requests[opposite(direction)].timeOf(request, field, afterMs);
    const number = (this.#taken[direction] += 1);
    const leave = (): void => {
      if (number <= this.#left[direction]) return;
      this.#left[direction] = number;
      write();
    };
    if (time.kind === 'surplus') return;
    const waitMs = time.dueAt - now();
    if (waitMs <= 0) leave();
    else if (this.#waiting[direction] < limits.awaitedAnswersMax) {
      this.#waiting[direction] += 1;
      schedule(waitMs, () => {
        this.#waiting[direction] -= 1;
        leave();
      });
    }
  }
}
