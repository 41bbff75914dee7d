/** Finds a smallest part that does what the whole does, with few experiments: QuickXplain (Junker 2004). */

/** Returns items without any of which `suffices` does not hold any more, in their order. Fewest experiments where they are
 *  among the first.
 *  @param suffices holds for all items and not for none; where it holds for some, also for whatever contains them */
export async function minimal<Item>(
  items: readonly Item[],
  suffices: (part: readonly Item[]) => Promise<boolean>,
): Promise<Item[]> {
  /** Returns what of `open` is needed in addition to `given`.
   *  @param grown whether `given` has grown since it was tried */
  const needed = async (given: readonly Item[], grown: boolean, open: readonly Item[]): Promise<Item[]> => {
    if (grown && (await suffices(given))) return [];
    if (open.length <= 1) return [...open];
    const half = Math.ceil(open.length / 2);
    const [first, second] = [open.slice(0, half), open.slice(half)];
    const ofSecond = await needed([...given, ...first], true, second);
    const ofFirst = await needed([...given, ...ofSecond], ofSecond.length > 0, first);
    return [...ofFirst, ...ofSecond];
  };
  return needed([], false, items);
}
