/** One order of attributes for all clients: the wire has none, so the order that a library happens to use names it. */

/** The frequent ones first, as they are mostly written. */
const firstNames = ['id', 'to', 'from', 'type', 'xmlns', 'class', 'participant', 'recipient', 't'];
const ranks: ReadonlyMap<string, number> = new Map(firstNames.map((name, rank) => [name, rank]));

/** Compares two names: those of the table in its order, then the others by their UTF-16 code units. */
export function compareAttributes(one: string, other: string): number {
  const difference = (ranks.get(one) ?? firstNames.length) - (ranks.get(other) ?? firstNames.length);
  if (difference !== 0) return difference;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
