/** Applies dispositions of the pipeline: writes a stanza, queues it, drops it, or keeps it until its stage releases
 *  it. Everything that changes the number of stanzas on a stream happens here, and is counted here for stream
 *  management (XEP-0198). */
import { refusal } from '../minimisation/refuse.ts';
import { opposite, type Direction } from '../stanza/direction.ts';
import { otherParty } from '../stanza/other-party.ts';
import type { StanzaKind } from '../stanza/protocol.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Disposition, Edit, SendOptions } from '../stanza/verdict.ts';
import { AnswerTimes, type AnswerTimesOptions, type AwaitedName } from './answer-times.ts';
import type { AnswerLimits } from './awaited-answers.ts';
import { DelayQueue, type DelayLimits, type QueuedStanza } from './delay-queue.ts';
import { joined } from './pipeline.ts';
import type { Rendering } from './rendering.ts';
import type { AckWindow } from './stream-management/ack-window.ts';
import type { StreamCounts } from './stream-management/no-stream-management.ts';
import type { SessionTap, TappedStanza } from './tap.ts';
import type { Schedule } from './timers.ts';
import type { Taken, Unacknowledged, UnacknowledgedStanzas } from './unacknowledged.ts';

/** Takes bytes for one direction; see `GatekeeperLeg.write`. */
export interface StanzaWriter {
  write(bytes: Uint8Array, start?: number, end?: number): void;
}

/** A stanza in a queue: an answer whose time is equalised, or a stanza of this kind that is delayed, held, or waits
 *  for an earlier one. */
export type WaitingStanza = 'answer' | Exclude<StanzaKind, 'nonza'>;

/** The outcome of an answer whose time is equalised: it leaves after the delivery that it names (`matched`), on a
 *  coarse grid without one (`unmatched`), or is dropped because too much was delivered or waits. */
export type EqualisedOutcome = 'matched' | 'unmatched' | 'dropped';

export interface DispatchOptions extends Pick<AnswerTimesOptions, 'account' | 'equalises'> {
  readonly writers: Readonly<Record<Direction, StanzaWriter>>;
  readonly management: StreamCounts;
  /** Set where the protocol acknowledges single stanzas. */
  readonly unacknowledged: UnacknowledgedStanzas | undefined;
  readonly rendering: Rendering;
  readonly limits: DelayLimits & AnswerLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** Returns the disposition of a held stanza by the stages from `first` on. */
  readonly decide: (stanza: Stanza, direction: Direction, first: number) => Disposition;
  /** Called with the bytes of padding that were added to a stanza. */
  readonly padded: (direction: Direction, bytes: number) => void;
  /** Called when a stanza is sent that has waited. */
  readonly waited: (what: WaitingStanza, milliseconds: number) => void;
  /** Called for each answer whose time is equalised. */
  readonly equalised: (outcome: EqualisedOutcome) => void;
  /** Runs a step that does not come from reading, and flushes. */
  readonly perform: (step: () => void) => void;
  /** Asks the gatekeeper how many stanzas of the client it has (XEP-0198 §4). */
  readonly requestAcknowledgement: () => void;
  /** Set while stanzas are recorded. */
  readonly tap: SessionTap | undefined;
}

/** What is known of a stanza before its disposition. */
interface Arrival {
  /** By default `peer`. */
  readonly origin?: Transit['origin'];
  /** Made before the stages were asked. */
  readonly edits?: readonly Edit[];
  readonly tapped?: TappedStanza | undefined;
  readonly taken?: Taken | undefined;
}

/** A stanza in flight. */
interface Transit {
  readonly stanza: Stanza;
  readonly direction: Direction;
  /** `proxy`: repeated by a stage, so its sender has not counted it. */
  readonly origin: 'peer' | 'proxy';
  readonly tapped: TappedStanza | undefined;
  edits: readonly Edit[];
  options: SendOptions;
  /** The stanzas that this one of the client acknowledges or answers. */
  readonly taken: Taken | undefined;
  /** Names by which the stanza will be answered. */
  names: readonly AwaitedName[];
  /** Set while the client must acknowledge or answer the stanza. */
  owing: Unacknowledged | undefined;
  /** The counts that have it as waiting while it is queued; undefined when its sender did not count it. */
  window: AckWindow | undefined;
  /** The sender's number in these counts. */
  number: number;
  /** Time of queueing, in monotonic milliseconds. */
  queuedAt: number;
  /** The stanza's entry in the queue, when it has one. */
  queued: QueuedStanza | undefined;
}

type Hold = Extract<Disposition, { kind: 'hold' }>;

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #queues: Readonly<Record<Direction, DelayQueue>>;
  readonly #answerTimes: AnswerTimes;
  /** Queues of answers whose time is equalised. Their order has no meaning. */
  readonly #answers: Readonly<Record<Direction, DelayQueue>>;
  #answerCount = 0;
  /** Answers that wait. */
  readonly #waitingAnswers = new Set<Transit>();
  #ended = false;

  constructor(options: DispatchOptions) {
    this.#options = options;
    const { limits, now, schedule } = options;
    const delays = { limits, now, schedule };
    this.#queues = { 'to-gatekeeper': new DelayQueue(delays), 'to-client': new DelayQueue(delays) };
    this.#answerTimes = new AnswerTimes(options);
    const answerLimits = { ...limits, waitingMax: limits.awaitedAnswersMax };
    const answers = { limits: answerLimits, now, schedule };
    this.#answers = { 'to-gatekeeper': new DelayQueue(answers), 'to-client': new DelayQueue(answers) };
  }

  /** Writes a stanza unchanged and without a copy, unless earlier ones between the same two parties are queued. */
  passUntouched(stanza: Stanza, direction: Direction, arrival = noArrival): void {
    if (this.#mustWait(stanza, direction)) {
      this.#send(transitOf(stanza, direction, arrival));
      return;
    }
    const { tapped, taken } = arrival;
    tapped?.left(stanza.byteLength);
    this.#options.management.pass(direction);
    this.#options.writers[direction].write(stanza.bytes, stanza.start, stanza.end);
    this.#answerTimes.deliver(this.#answerTimes.namesOf(stanza, direction, [], []), direction);
    if (this.#options.unacknowledged !== undefined) this.#left(taken, this.#owingOf(stanza, direction, []));
  }

  /** Applies a disposition to a stanza.
   *  @throws StreamError ERR_WAITING, ERR_STANZA_TOO_LARGE, or the error of a disposition `close` */
  apply(disposition: Disposition, stanza: Stanza, direction: Direction, arrival?: Arrival): void {
    this.#apply(disposition, transitOf(stanza, direction, arrival));
  }

  /** Writes a stanza of the proxy's own, past all stages and queues. */
  inject(stanza: Uint8Array, direction: Direction): void {
    this.#options.tap?.made(direction)?.left(stanza.length);
    this.#options.management.inject(direction);
    this.#options.writers[direction].write(stanza);
  }

  /** Discards every queued or held stanza. */
  end(): void {
    this.#ended = true;
    for (const { window, number } of this.#waitingAnswers) window?.abandon(number);
    this.#waitingAnswers.clear();
    for (const queues of [this.#queues, this.#answers])
      for (const queue of Object.values(queues)) queue.close();
  }

  #apply(disposition: Disposition, transit: Transit): void {
    switch (disposition.kind) {
      case 'forward':
        amend(transit, disposition);
        this.#send(transit);
        break;
      case 'drop':
        this.#drop(transit, disposition.reply);
        break;
      case 'hold':
        amend(transit, disposition);
        this.#hold(transit, disposition);
        break;
      case 'close':
        throw disposition.error;
    }
  }

  #mustWait(stanza: Stanza, direction: Direction): boolean {
    const queue = this.#queues[direction];
    return !queue.empty && queue.has(otherParty(stanza, direction));
  }

  /** Writes a stanza now, or when its delay is over and earlier stanzas between the same two parties were written. */
  #send(transit: Transit): void {
    const { stanza, direction, edits, options, queued } = transit;
    const { rendering, management, writers } = this.#options;
    const answerAt = this.#answerAt(transit);
    if (answerAt === 'never') {
      this.#drop(transit, undefined);
      return;
    }
    const bytes = rendering.write(stanza, edits, options);
    if (rendering.padding > 0) this.#options.padded(direction, rendering.padding);
    transit.names = this.#answerTimes.namesOf(stanza, direction, options.awaits ?? [], edits);
    transit.owing = this.#owingOf(stanza, direction, edits);
    const now = this.#options.now();
    const dueAt = Math.max(now + (options.delayMs ?? 0), answerAt);
    if (queued !== undefined) {
      queued.send = () => this.#writeQueued(transit, bytes);
      queued.dueAt = dueAt;
      this.#queues[direction].releaseDue();
    } else if (options.answers?.alone === true && dueAt > now) {
      this.#enqueueAnswer(transit, dueAt, bytes);
    } else if (dueAt > now || this.#mustWait(stanza, direction)) {
      this.#enqueue(transit, dueAt, bytes.length, () => this.#writeQueued(transit, bytes));
    } else {
      if (transit.origin === 'proxy') management.inject(direction);
      else management.pass(direction);
      transit.tapped?.left(bytes.length);
      writers[direction].write(bytes);
      this.#answerTimes.deliver(transit.names, direction);
      this.#left(transit.taken, transit.owing);
    }
  }

  /** Returns the entry of a stanza that the client must acknowledge or answer. */
  #owingOf(stanza: Stanza, direction: Direction, edits: readonly Edit[]): Unacknowledged | undefined {
    return direction === 'to-client' ? this.#options.unacknowledged?.entryOf(stanza, edits) : undefined;
  }

  /** Records that a stanza was written: the client must acknowledge it, or it acknowledges others. */
  #left(taken: Taken | undefined, owing: Unacknowledged | undefined): void {
    if (owing !== undefined) this.#options.unacknowledged?.deliver(owing);
    if (taken !== undefined) this.#options.unacknowledged?.sent(taken);
  }

  /** Returns when an answer may leave, in monotonic milliseconds; 0 for a stanza that is no answer. */
  #answerAt({ stanza, direction, options: { answers } }: Transit): number | 'never' {
    if (answers === undefined) return 0;
    const time = this.#answerTimes.timeOf(stanza, direction, answers);
    if (time.kind === 'surplus') this.#options.equalised('dropped');
    else if (time.dueAt > this.#options.now()) this.#options.equalised(time.kind);
    return time.kind === 'surplus' ? 'never' : time.dueAt;
  }

  /** Queues an answer. Without room it is dropped: ending the delays of others would reveal their times. */
  #enqueueAnswer(transit: Transit, dueAt: number, bytes: Uint8Array): void {
    const queue = this.#answers[transit.direction];
    if (!queue.hasRoomFor(bytes.length)) {
      this.#options.equalised('dropped');
      this.#drop(transit, undefined);
      return;
    }
    this.#answerCount += 1;
    this.#await(transit);
    this.#waitingAnswers.add(transit);
    const send = (): void => {
      this.#waitingAnswers.delete(transit);
      this.#writeQueued(transit, bytes);
    };
    queue.enqueue({ key: String(this.#answerCount), bytes: bytes.length, dueAt, send });
  }

  /** Drops a stanza, and sends what is owed for it. */
  #drop(transit: Transit, reply: Uint8Array | undefined): void {
    const { direction, origin, tapped, window, number, queued } = transit;
    tapped?.left(0);
    if (queued === undefined) {
      if (origin === 'peer') this.#options.management.window(direction)?.drop();
    } else {
      window?.settle(number, 'dropped');
      this.#queues[direction].remove(queued);
      this.#requestFor(direction, window);
    }
    if (origin !== 'peer') return;
    const owed = reply ?? this.#owedTo(transit);
    if (owed !== undefined) this.inject(owed, opposite(direction));
    if (transit.taken === undefined) return;
    for (const instead of this.#options.unacknowledged?.dropped(transit.taken) ?? [])
      this.inject(instead, direction);
  }

  /** Returns what the sender of a dropped stanza is sent although no stage has replied. */
  #owedTo({ stanza, direction }: Transit): Uint8Array | undefined {
    return this.#options.unacknowledged && refusal(stanza, direction, 'service-unavailable');
  }

  /** Queues a copy of a stanza until its stage releases or drops it. */
  #hold(transit: Transit, { keep, stage = 0 }: Hold): void {
    const { direction } = transit;
    const stanza = transit.queued === undefined ? transit.stanza.retain() : transit.stanza;
    const held = { ...transit, stanza };
    if (held.queued === undefined) this.#enqueue(held, Infinity, stanza.byteLength, () => {});
    else held.queued.dueAt = Infinity;
    let over = false;
    const once = (step: () => void): void => {
      if (over || this.#ended) return;
      over = true;
      this.#options.perform(step);
    };
    keep({
      stanza,
      release: (edits = []) =>
        once(() => {
          amend(held, { edits });
          this.#apply(this.#options.decide(stanza, direction, stage + 1), held);
        }),
      drop: (reply) => once(() => this.#drop(held, reply)),
    });
  }

  /** Appends a stanza to the queue.
   *  @throws StreamError ERR_WAITING */
  #enqueue(transit: Transit, dueAt: number, bytes: number, send: () => void): void {
    const { stanza, direction } = transit;
    this.#await(transit);
    transit.queued = { key: otherParty(stanza, direction), bytes, dueAt, send };
    this.#queues[direction].enqueue(transit.queued);
  }

  /** Counts a stanza as waiting. */
  #await(transit: Transit): void {
    transit.queuedAt = this.#options.now();
    if (transit.origin !== 'peer') return;
    transit.window = this.#options.management.window(transit.direction);
    transit.number = transit.window?.wait() ?? 0;
  }

  /** Writes a queued stanza. One that was queued before counting began, or in counts that have ended, is counted by
   *  the receiver and not by the sender (XEP-0198 §4). */
  #writeQueued(transit: Transit, bytes: Uint8Array): void {
    const { direction, window, number, names } = transit;
    const { management } = this.#options;
    if (window !== undefined && window === management.window(direction)) window.settle(number, 'delivered');
    else management.inject(direction);
    transit.tapped?.left(bytes.length);
    this.#options.writers[direction].write(bytes);
    this.#requestFor(direction, window);
    this.#answerTimes.deliver(names, direction);
    this.#left(transit.taken, transit.owing);
    this.#options.waited(waitingOf(transit), this.#options.now() - transit.queuedAt);
  }

  /** Asks for an acknowledgement in the place of a client that asked while the stanza waited. Clients limit what is
   *  unacknowledged, and ask only with the next stanza. Servers do not stop sending. */
  #requestFor(direction: Direction, window: AckWindow | undefined): void {
    if (direction !== 'to-gatekeeper' || window === undefined) return;
    if (window === this.#options.management.window(direction) && window.takeEarlyRequest())
      this.#options.requestAcknowledgement();
  }
}

const atOnce: SendOptions = {};
/** One object for all, since most stanzas are forwarded untouched. */
const noArrival: Arrival = {};

function transitOf(
  stanza: Stanza,
  direction: Direction,
  { origin = 'peer', edits = [], tapped, taken } = noArrival,
): Transit {
  return {
    stanza,
    direction,
    origin,
    tapped,
    taken,
    edits,
    options: atOnce,
    names: [],
    owing: undefined,
    window: undefined,
    number: 0,
    queuedAt: 0,
    queued: undefined,
  };
}

/** Returns the label under which the wait of a stanza is reported. */
function waitingOf({ stanza, options }: Transit): WaitingStanza {
  if (options.answers?.alone === true) return 'answer';
  return stanza.kind === 'nonza' ? 'message' : stanza.kind;
}

/** Adds the edits and options of a disposition to a stanza in flight. */
function amend(transit: Transit, added: { readonly edits?: readonly Edit[] } & SendOptions): void {
  if (added.edits !== undefined && added.edits.length > 0)
    transit.edits = transit.edits.length === 0 ? added.edits : [...transit.edits, ...added.edits];
  transit.options = joined(transit.options, added) ?? transit.options;
}
