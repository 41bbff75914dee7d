/** The counts of XEP-0198 §4 in one direction, where the proxy drops some stanzas, adds others and delays a few: what
 *  the receiver acknowledges, in the numbers of the sender. A dropped stanza counts as handled once everything before
 *  it is. Only counters are kept, and only of what is not acknowledged. */
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

export class AckWindow {
  /** What the sender has sent. Numbers here do not wrap: 2^53 stanzas are never reached. */
  #sent = 0;
  /** What the receiver was sent, the proxy's own stanzas included. */
  #delivered = 0;
  /** The receiver's last acknowledgement. */
  #acknowledged = 0;
  /** What may be acknowledged to the sender. */
  #handled = 0;
  /** Unacknowledged from `#first` on, oldest first. */
  #runs: Run[] = [];
  #first = 0;
  /** After a resumption: numbers the sender will use again for what the receiver has already. */
  #repeated: readonly Run[] = [];
  /** The first of them that the sender has yet to repeat. */
  #repeatedAt = 0;

  /** A window in the middle of a stream in which everything so far is acknowledged. */
  static at({ sent, delivered }: { readonly sent: number; readonly delivered: number }): AckWindow {
    const window = new AckWindow();
    window.#sent = sent;
    window.#handled = sent;
    window.#delivered = delivered;
    window.#acknowledged = delivered;
    return window;
  }

  /** Entries in memory. */
  get runs(): number {
    return this.#runs.length - this.#first;
  }

  get #last(): Run | undefined {
    return this.runs === 0 ? undefined : this.#runs.at(-1);
  }

  /** The sender's next stanza goes out at once. */
  pass(): void {
    const last = this.#last;
    this.#sent += 1;
    this.#delivered += 1;
    if (last !== undefined && last.to > 0 && last.to + last.count === this.#delivered) last.count += 1;
    else this.#push({ from: this.#sent, count: 1, to: this.#delivered });
  }

  /** The sender's next stanza ends at the proxy. */
  drop(): void {
    this.#sent += 1;
    const last = this.#last;
    if (last?.to === runState.dropped) last.count += 1;
    else this.#push({ from: this.#sent, count: 1, to: runState.dropped });
  }

  /** The sender's next stanza waits. @returns its number, for `settle`. */
  wait(): number {
    this.#sent += 1;
    this.#push({ from: this.#sent, count: 1, to: runState.waiting });
    return this.#sent;
  }

  /** What has waited goes out now, or ends. */
  settle(number: number, outcome: 'delivered' | 'dropped'): void {
    if (outcome === 'delivered') this.#delivered += 1;
    const run = this.#runFrom(number);
    if (run?.to === runState.waiting) run.to = outcome === 'delivered' ? this.#delivered : runState.dropped;
  }

  /** By bisection: much may be unacknowledged before and after it. */
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

  /** A stanza of the proxy's own goes out. */
  inject(): void {
    this.#delivered += 1;
  }

  /** Whether the sender's next stanza is one that the receiver got before the stream was resumed. */
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

  /** The receiver has handled this many.
   *  @param count as on the wire: modulo 2^32.
   *  @returns what may be acknowledged to the sender, modulo 2^32.
   *  @throws StreamError ERR_SM_COUNT when the receiver was never sent that many (XEP-0198 §4). */
  acknowledge(count: number): number {
    const acknowledged = this.#acknowledged + ((count - this.#acknowledged + modulus) % modulus);
    if (acknowledged > this.#delivered)
      throw new StreamError('undefined-condition', { code: 'ERR_SM_COUNT' });
    this.#acknowledged = acknowledged;
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
    // Now and then, so that each costs the same.
    if (this.#first > this.#runs.length / 2) {
      this.#runs = this.#runs.slice(this.#first);
      this.#first = 0;
    }
    return this.#handled % modulus;
  }

  #handledOf({ to, count }: Run): number {
    if (to === runState.dropped) return count;
    if (to === runState.waiting) return 0;
    return Math.max(0, Math.min(count, this.#acknowledged - to + 1));
  }

  /** The stream was resumed (XEP-0198 §5): the sender sends everything again that was not acknowledged to it. */
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

  /** One that can be asked without changing this one. */
  copy(): AckWindow {
    const copy = new AckWindow();
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
