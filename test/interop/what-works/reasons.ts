/** Why something is otherwise than without a policy: what its rules did. */
import type { DecisionCounts, DecisionTotal } from '../../../src/observability/decision-counts.ts';

export const policies = ['passthrough', 'balanced', 'strict'] as const;

export type Policy = (typeof policies)[number];

/** @param concerns whether a field is of what is watched
 *  @returns a function that gives `field: treatment`, sorted, for what a policy has done to these fields since, but
 *    let them pass */
export function watchReasons(
  decisions: DecisionCounts,
  concerns: (field: string) => boolean,
): () => string[] {
  const before = countsOf(decisions, concerns);
  return () =>
    [...countsOf(decisions, concerns)]
      .filter(([reason, count]) => count > (before.get(reason) ?? 0))
      .map(([reason]) => reason)
      .toSorted();
}

function countsOf(decisions: DecisionCounts, concerns: (field: string) => boolean): Map<string, number> {
  const found = new Map<string, number>();
  const acting = ({ field, treatment, mode }: DecisionTotal): boolean =>
    mode === 'enforced' && treatment !== 'keep' && concerns(field);
  for (const total of decisions.totals().filter(acting)) {
    const reason = `${total.field}: ${total.treatment}`;
    found.set(reason, (found.get(reason) ?? 0) + total.count);
  }
  return found;
}
