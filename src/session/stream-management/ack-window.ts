/** The counts of XEP-0198 §4 in one direction, where the proxy drops, adds and delays stanzas. Translates
 *  acknowledgements of the receiver to the numbers of the sender. A dropped stanza counts as handled once every
 *  stanza before it is. Only counters of unacknowledged stanzas are kept. */
import { StreamError } from '../../stanza/error.ts';

/** Counts on the wire begin anew after 2^32 - 1 (XEP-0198 §4). */
const modulus = 2 ** 32;

/** Most alternations of dropped and delivered stanzas without an acknowledgement. */
export const runsMax = 65_536;

/** Why a stanza of a run has no number at the receiver. */
const runState = { dropped: -1, waiting: -2 } as const;

/** Consecutive stanzas in the same state. */
interface Run {
  /** The sender's number of the first one. */
  readonly from: number;
  count: number;
  /** The receiver's number of the first one, or a value of `runState`. */
  to: number;
}

/** Deviations in the start of a receiver's count. */
export interface BeginTolerance {
  /** Most stanzas sent shortly before its count began that it may have counted. */
  readonly surplusMax: number;
  /** Whether its count may restart at 0 once. */
  readonly mayRestart: boolean;
}

const exact: BeginTolerance = { surplusMax: 0, mayRestart: false };

/** The counts of one direction, as JSON. */
export interface SavedWindow {
  /** In the order of `AckWindow.saved`. */
  readonly counts: readonly number[];
  /** Three numbers for each run. */
  readonly runs: readonly number[];
  readonly repeated: readonly number[];
}

export class AckWindow {
  /** Stanzas that the sender has sent. Numbers here do not wrap: 2^53 is never reached. */
  #sent = 0;
  /** Stanzas that the receiver was sent, the proxy's own included. */
  #delivered = 0;
  /** The receiver's last acknowledgement, in its own numbers. */
  #acknowledged = 0;
  /** Stanzas that may be acknowledged to the sender. */
  #handled = 0;
  /** Runs of unacknowledged stanzas from `#first` on, oldest first. */
  #runs: Run[] = [];
  #first = 0;
  /** After a resumption: runs that the sender repeats and the receiver has already. */
  #repeated: readonly Run[] = [];
  /** Index of the first of them that the sender has not repeated yet. */
  #repeatedAt = 0;
  /** The receiver's last count in its own numbers, unwrapped. */
  #stated = 0;
  /** Stanzas from before the count that the receiver has counted, as far as its counts show. */
  #surplus = 0;
  #surplusMax: number;
  #mayRestart: boolean;
  /** Number of waiting stanzas that were settled. */
  #settled = 0;
  #waiting = 0;
  /** Whether the sender has asked for an acknowledgement while stanzas waited: the answer stops before them. */
  #askedEarly = false;

  constructor({ surplusMax, mayRestart }: BeginTolerance = exact) {
    this.#surplusMax = surplusMax;
    this.#mayRestart = mayRestart;
  }

  /** Returns a window in the middle of a stream whose stanzas so far are all acknowledged. */
  static at(
    { sent, delivered }: { readonly sent: number; readonly delivered: number },
    tolerance = exact,
  ): AckWindow {
    const window = new AckWindow(tolerance);
    window.#stated = delivered;
    window.#sent = sent;
    window.#handled = sent;
    window.#delivered = delivered;
    window.#acknowledged = delivered;
    return window;
  }

  /** Returns a window from what `saved` has returned, in any process.
   *  @param tolerant whether the count may still deviate as at its start. A count that has gone on since it was saved must
   *  not: what is newer than the saved one would be taken for a deviation.
   *  @returns undefined for another form */
  static restore(saved: unknown, tolerant: boolean): AckWindow | undefined {
    if (!isSavedWindow(saved)) return undefined;
    const [sent, delivered, acknowledged, handled, stated, surplus, surplusMax, mayRestart] = saved.counts;
    const window = new AckWindow({
      surplusMax: tolerant ? surplusMax! : surplus!,
      mayRestart: tolerant && mayRestart === 1,
    });
    window.#sent = sent!;
    window.#delivered = delivered!;
    window.#acknowledged = acknowledged!;
    window.#handled = handled!;
    window.#stated = stated!;
    window.#surplus = surplus!;
    window.#runs = runsFrom(saved.runs);
    window.#repeated = runsFrom(saved.repeated);
    return window;
  }

  /** Returns the counts as JSON. */
  saved(): SavedWindow {
    return {
      counts: [
        this.#sent,
        this.#delivered,
        this.#acknowledged,
        this.#handled,
        this.#stated,
        this.#surplus,
        this.#surplusMax,
        this.#mayRestart ? 1 : 0,
      ],
      runs: this.#runs.slice(this.#first).flatMap(({ from, count, to }) => [from, count, to]),
      repeated: this.#repeated.slice(this.#repeatedAt).flatMap(({ from, count, to }) => [from, count, to]),
    };
  }

  /** A number that changes with every count. */
  get revision(): number {
    return this.#sent + this.#delivered + this.#acknowledged + this.#handled + this.#settled;
  }

  /** The number that was acknowledged to the sender last, modulo 2^32. */
  get handled(): number {
    return this.#handled % modulus;
  }

  /** Number of runs in memory. */
  get runs(): number {
    return this.#runs.length - this.#first;
  }

  get #last(): Run | undefined {
    return this.runs === 0 ? undefined : this.#runs.at(-1);
  }

  /** Counts the sender's next stanza as delivered.
   *  @throws StreamError ERR_SM_WINDOW */
  pass(): void {
    const last = this.#last;
    this.#sent += 1;
    this.#delivered += 1;
    if (last !== undefined && last.to > 0 && last.to + last.count === this.#delivered) last.count += 1;
    else this.#push({ from: this.#sent, count: 1, to: this.#delivered });
  }

  /** Counts the sender's next stanza as dropped. */
  drop(): void {
    this.#sent += 1;
    const last = this.#last;
    if (last?.to === runState.dropped) last.count += 1;
    else this.#push({ from: this.#sent, count: 1, to: runState.dropped });
  }

  /** Counts the sender's next stanza as waiting.
   *  @returns its number, for `settle` */
  wait(): number {
    this.#sent += 1;
    this.#waiting += 1;
    this.#push({ from: this.#sent, count: 1, to: runState.waiting });
    return this.#sent;
  }

  /** Counts a waiting stanza as delivered or dropped. */
  settle(number: number, outcome: 'delivered' | 'dropped'): void {
    this.#settled += 1;
    this.#waiting -= 1;
    if (outcome === 'delivered') this.#delivered += 1;
    const run = this.#runFrom(number);
    if (run?.to === runState.waiting) run.to = outcome === 'delivered' ? this.#delivered : runState.dropped;
  }

  /** Records that the sender asks for an acknowledgement. */
  ask(): void {
    this.#askedEarly ||= this.#waiting > 0;
  }

  /** Returns whether the receiver should be asked for the sender, after a waiting stanza was settled: the sender has asked
   *  before, and may send nothing until it learns more. */
  takeEarlyRequest(): boolean {
    const early = this.#askedEarly;
    if (this.#waiting === 0) this.#askedEarly = false;
    return early;
  }

  /** Ends a stanza that waits when its connection ends. It stays unacknowledged, so that the sender sends it again, unless
   *  a later stanza was delivered. Then it counts as dropped: a sender that sends nothing again, as slixmpp 1.8, would have
   *  its next stanzas taken for the later ones. */
  abandon(number: number): void {
    const later = this.#runs.findLast(({ to }) => to > 0);
    if (later !== undefined && later.from > number) this.settle(number, 'dropped');
  }

  /** Finds the run that begins with this number, by bisection: many runs may be unacknowledged. */
  #runFrom(number: number): Run | undefined {
    let low = this.#first;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.from < number) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    return run?.from === number ? run : undefined;
  }

  /** Counts a stanza of the proxy's own as delivered. */
  inject(): void {
    this.#delivered += 1;
  }

  /** Whether the receiver got the sender's next stanza before the stream was resumed. */
  get repeats(): boolean {
    const next = this.#sent + 1;
    let run = this.#repeated[this.#repeatedAt];
    while (run !== undefined && next >= run.from + run.count) run = this.#repeated[(this.#repeatedAt += 1)];
    if (run !== undefined) return next >= run.from;
    if (this.#repeatedAt > 0) {
      this.#repeated = [];
      this.#repeatedAt = 0;
    }
    return false;
  }

  /** Takes an acknowledgement of the receiver.
   *  @param count as on the wire: modulo 2^32
   *  @returns the number to acknowledge to the sender, modulo 2^32
   *  @throws StreamError ERR_SM_COUNT when the receiver was not sent that many (XEP-0198 §4), stanzas from before
   *  its count included */
  acknowledge(count: number): number {
    this.#acknowledged = Math.max(this.#acknowledged, this.#handledBy(count));
    for (let run = this.#runs[this.#first]; run !== undefined; run = this.#runs[(this.#first += 1)]) {
      const handled = this.#handledOf(run);
      this.#handled += handled;
      if (handled === run.count) continue;
      if (handled > 0)
        this.#runs[this.#first] = {
          from: run.from + handled,
          count: run.count - handled,
          to: run.to + handled,
        };
      break;
    }
    // Compacted at half the array, so that the amortised cost of a call is constant.
    if (this.#first > this.#runs.length / 2) {
      this.#runs = this.#runs.slice(this.#first);
      this.#first = 0;
    }
    return this.#handled % modulus;
  }

  /** Converts a count of the receiver, modulo 2^32, to the number of stanzas that it was sent and has handled. Once it
   *  has counted more than it was sent, the surplus is known, and subtracted from this count and later ones.
   *  @throws StreamError ERR_SM_COUNT */
  #handledBy(count: number): number {
    const stated = this.#stated + ((((count - this.#stated) % modulus) + modulus) % modulus);
    const surplus = Math.max(this.#surplus, stated - this.#delivered);
    if (surplus <= this.#surplusMax) {
      this.#stated = stated;
      this.#surplus = surplus;
      return stated - surplus;
    }
    if (!this.#mayRestart || count >= this.#stated || count > this.#delivered)
      throw new StreamError('undefined-condition', { code: 'ERR_SM_COUNT' });
    this.#stated = count;
    this.#surplus = 0;
    this.#surplusMax = 0;
    this.#mayRestart = false;
    return count;
  }

  #handledOf({ to, count }: Run): number {
    if (to === runState.dropped) return count;
    if (to === runState.waiting) return 0;
    return Math.max(0, Math.min(count, this.#acknowledged - to + 1));
  }

  /** Prepares for a resumed stream: the sender repeats everything that was not acknowledged to it (XEP-0198 §5). */
  rewind(): void {
    this.#repeated = this.#runs.slice(this.#first).flatMap((run) => {
      const handled = run.to > 0 ? this.#handledOf(run) : 0;
      return handled === 0 ? [] : [{ ...run, count: handled }];
    });
    this.#repeatedAt = 0;
    this.#runs = [];
    this.#first = 0;
    this.#sent = this.#handled;
    this.#delivered = this.#acknowledged;
  }

  /** Returns a copy, which can be advanced without changing this window. */
  copy(): AckWindow {
    const copy = new AckWindow({ surplusMax: this.#surplusMax, mayRestart: this.#mayRestart });
    copy.#stated = this.#stated;
    copy.#surplus = this.#surplus;
    copy.#sent = this.#sent;
    copy.#delivered = this.#delivered;
    copy.#acknowledged = this.#acknowledged;
    copy.#handled = this.#handled;
    copy.#runs = this.#runs.slice(this.#first).map((run) => ({ ...run }));
    copy.#repeated = this.#repeated;
    copy.#repeatedAt = this.#repeatedAt;
    return copy;
  }

  #push(run: Run): void {
    if (this.runs === runsMax)
      throw new StreamError('resource-constraint', { code: 'ERR_SM_WINDOW', runsMax });
    this.#runs.push(run);
  }
}

const countsSaved = 8;
const runNumbers = 3;

function isSavedWindow(value: unknown): value is SavedWindow {
  const { counts, runs, repeated } = (value ?? {}) as Partial<SavedWindow>;
  if (![counts, runs, repeated].every(areNumbers)) return false;
  return (
    counts!.length === countsSaved && runs!.length % runNumbers === 0 && repeated!.length % runNumbers === 0
  );
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each));
}

function runsFrom(numbers: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < numbers.length; at += runNumbers)
    runs.push({ from: numbers[at]!, count: numbers[at + 1]!, to: numbers[at + 2]! });
  return runs;
}
