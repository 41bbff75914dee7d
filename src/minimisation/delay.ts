/** Returns the delay of a stanza in milliseconds, uniformly distributed up to the bound, so that the time of sending
 *  reveals little about the time of writing. The caller's queue keeps the order.
 *  @param random returns a number in [0, 1) that an observer cannot predict */
export function delayOf(upToMs: number, random: () => number): number {
  return Math.round(random() * upToMs);
}
