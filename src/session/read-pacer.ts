/** Keeps one side of a session to its rates. A leg without allowance is not read until some has refilled; bytes
 *  already read wait unscanned. */
import { StreamError } from '../stanza/error.ts';
import type { FlowControlled } from './gatekeeper-leg.ts';
import type { Side } from './leg.ts';
import { Pace, type PacedResource, type RateLimits } from './pacing.ts';
import type { Schedule } from './timers.ts';

export interface ReadPacerOptions {
  readonly rates: RateLimits;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
  /** Called at the start of each pause. */
  readonly paced: (side: Side, resource: PacedResource) => void;
}

export class ReadPacer {
  readonly #side: Side;
  readonly #leg: FlowControlled;
  readonly #options: ReadPacerOptions;
  readonly #pace: Pace;
  #pausing = false;
  #cancel = (): void => {};

  constructor(side: Side, leg: FlowControlled, options: ReadPacerOptions) {
    this.#side = side;
    this.#leg = leg;
    this.#options = options;
    this.#pace = new Pace(side, options.rates, options.now);
  }

  /** Spends the allowances of one stanza. The clock is read once for both, and only where there is a rate.
   *  @throws StreamError as `spend` does */
  spendStanza(byteLength: number): void {
    if (!this.#pace.limitsStanzas) return;
    const now = this.#options.now();
    this.spend('stanzas', 1, now);
    this.spend('bytes', byteLength, now);
  }

  /** Spends an allowance, and pauses the leg when it is exceeded.
   *  @param now in monotonic milliseconds; read by default
   *  @throws StreamError ERR_STANZA_RATE or ERR_BYTE_RATE, when a client has exceeded it for longer than
   *  `overLimitMs` */
  spend(resource: PacedResource, amount: number, now?: number): void {
    const verdict = this.#pace.spend(resource, amount, now);
    if (verdict.kind === 'ok') return;
    if (verdict.kind === 'refuse')
      throw new StreamError('policy-violation', {
        code: resource === 'bytes' ? 'ERR_BYTE_RATE' : 'ERR_STANZA_RATE',
      });
    if (!this.#pausing) this.#pause(resource, verdict.ms);
  }

  /** Cancels the end of a pause: the session is over. */
  end(): void {
    this.#cancel();
  }

  #pause(resource: PacedResource, milliseconds: number): void {
    this.#pausing = true;
    this.#options.paced(this.#side, resource);
    this.#leg.hold();
    this.#leg.pause();
    this.#cancel = this.#options.schedule(milliseconds, () => {
      this.#pausing = false;
      this.#leg.resume();
      this.#leg.release();
    });
  }
}
