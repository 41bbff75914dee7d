/** The two clocks of a proxy. `app/` passes each part the one that it needs, so that tests can control both. */
export interface Clock {
  /** Returns milliseconds since 1970; may jump. */
  readonly wall: () => number;
  /** Returns milliseconds since an arbitrary start; never goes back. */
  readonly monotonic: () => number;
}

/** The clocks of the machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};
