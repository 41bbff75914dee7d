/** The two clocks of a proxy. `app/` hands each part the one it needs, so that a test can steer both. */
export interface Clock {
  /** Milliseconds since 1970; may jump. */
  readonly wall: () => number;
  /** Milliseconds since some start; never goes back. */
  readonly monotonic: () => number;
}

/** The clocks of the machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};
