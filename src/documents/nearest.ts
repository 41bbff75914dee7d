/** Finds the word that was probably meant, by Levenshtein distance with swaps of neighbours, over UTF-16 units.
 *  Pure. */

/** Characters of a word that are compared. */
const comparedMax = 64;

/** Returns the candidate nearest to `word`, at a distance of at most a third of the word and never more than 3;
 *  undefined when none is that near. Of equally near ones, the earlier. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Returns the number of insertions, deletions, replacements and swaps of two neighbours that turn one word into the
 *  other (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const from = a.slice(0, comparedMax);
  const to = b.slice(0, comparedMax);
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped = row > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const best = Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1);
      current[column] = swapped ? Math.min(best, beforePrevious[column - 2]! + 1) : best;
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length]!;
}

/** Returns a remedy for a word that is not among the candidates: it names the nearest, or all of them where they are
 *  few, or is ''. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `Did you mean ${near}?`;
  return candidates.length <= 12 ? `One of: ${candidates.join(', ')}` : '';
}
