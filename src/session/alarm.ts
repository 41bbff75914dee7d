import type { StagePort } from './stage.ts';

/** Wakes a state machine at its deadline, which moves as the machine goes on. */
export class Alarm {
  readonly #port: StagePort;
  readonly #ring: (now: number) => void;
  #at: number | undefined;
  #cancel: (() => void) | undefined;

  /** @param ring is given the time, in the port's milliseconds; it may set the alarm again. */
  constructor(port: StagePort, ring: (now: number) => void) {
    this.#port = port;
    this.#ring = ring;
  }

  /** @param at undefined for never. */
  set(at: number | undefined): void {
    if (at === this.#at) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = at;
    if (at === undefined) return;
    this.#cancel = this.#port.schedule(Math.max(0, Math.ceil(at - this.#port.now())), () => {
      this.#at = undefined;
      this.#cancel = undefined;
      this.#ring(this.#port.now());
    });
  }
}
