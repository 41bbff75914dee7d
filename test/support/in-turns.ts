/** Runs many tasks, a few at once. */

/** Calls `task` for each item, `atOnce` of them at a time, and returns the values in the order of the items. */
export async function inTurns<Item, Value>(
  items: readonly Item[],
  atOnce: number,
  task: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) values[index] = await task(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return values;
}
