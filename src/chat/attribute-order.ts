/** Sorts attributes in one order for all clients. The wire requires none, so a library's own order would identify
 *  it. */

/** Frequent names, which come first. */
const firstNames = ['id', 'to', 'from', 'type', 'xmlns', 'class', 'participant', 'recipient', 't'];
const ranks: ReadonlyMap<string, number> = new Map(firstNames.map((name, rank) => [name, rank]));

/** Compares two names: those of `firstNames` in its order, then others by their UTF-16 code units. */
export function compareAttributes(one: string, other: string): number {
  const difference = (ranks.get(one) ?? firstNames.length) - (ranks.get(other) ?? firstNames.length);
  if (difference !== 0) return difference;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
