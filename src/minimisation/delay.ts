/** How long to hold a stanza, in milliseconds: anything up to the bound, each equally likely, so that the moment it
 *  leaves says little about the moment it came. The queue that holds it keeps the order.
 *  @param random in [0, 1), from a source that an observer cannot predict. */
export function delayOf(upToMs: number, random: () => number): number {
  return Math.round(random() * upToMs);
}
