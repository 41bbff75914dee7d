import type { StagePort } from '../stage.ts';

/** Calls a state machine at its next deadline. Setting another deadline replaces the one before. */
export class DeadlineTimer {
  readonly #port: StagePort;
  readonly #expired: (now: number) => void;
  #at: number | undefined;
  #cancel: (() => void) | undefined;

  /** @param expired receives the time of the port in monotonic milliseconds, and may set the timer again */
  constructor(port: StagePort, expired: (now: number) => void) {
    this.#port = port;
    this.#expired = expired;
  }

  /** Sets the deadline.
   *  @param at monotonic milliseconds of the port; undefined cancels */
  set(at: number | undefined): void {
    if (at === this.#at) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = at;
    if (at === undefined) return;
    this.#cancel = this.#port.schedule(Math.max(0, Math.ceil(at - this.#port.now())), () => {
      this.#at = undefined;
      this.#cancel = undefined;
      this.#expired(this.#port.now());
    });
  }
}
