/** Counts the decisions of policies by policy, field, audience and treatment, never by value. Decisions are prebuilt objects of the
 *  policy, so counting one is a look-up by identity; labels are made when the metrics are collected. */
import type { Audience } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';

export type DecisionMode = 'enforced' | 'shadow';

/** One row of the totals. `namespace` is set for unlisted elements only: a registered name, or 'other'. */
export interface DecisionTotal {
  readonly audience: Audience;
  readonly mode: DecisionMode;
  readonly field: string;
  readonly treatment: string;
  readonly namespace: string | undefined;
  /** The name of the policy that decided. */
  readonly policy: string;
  count: number;
}

/** Field name in decisions about unlisted elements. */
const unlisted = 'unlisted';
const notRegistered = 'not registered';

export class DecisionCounts {
  readonly #live = new Map<string, Map<Decision, number>>();
  readonly #totals = new Map<string, DecisionTotal>();

  /** @param policy the name of the policy that decided: no space is in it */
  add(audience: Audience, mode: DecisionMode, decisions: readonly Decision[], policy: string): void {
    if (decisions.length === 0) return;
    const counts = this.#countsOf(audience, mode, policy);
    for (const decision of decisions) counts.set(decision, (counts.get(decision) ?? 0) + 1);
  }

  /** Returns the totals since the start. Decisions of replaced policies are released. */
  totals(): readonly DecisionTotal[] {
    for (const [key, counts] of this.#live) {
      const [audience, mode, policy] = key.split(' ') as [Audience, DecisionMode, string];
      for (const [decision, count] of counts) this.#totalOf(audience, mode, policy, decision).count += count;
      counts.clear();
    }
    return [...this.#totals.values()];
  }

  #countsOf(audience: Audience, mode: DecisionMode, policy: string): Map<Decision, number> {
    const key = `${audience} ${mode} ${policy}`;
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    const counts = new Map<Decision, number>();
    this.#live.set(key, counts);
    return counts;
  }

  #totalOf(
    audience: Audience,
    mode: DecisionMode,
    policy: string,
    { field, treatment, reason }: Decision,
  ): DecisionTotal {
    const namespace = field === unlisted ? (reason === notRegistered ? 'other' : reason) : undefined;
    const key = [audience, mode, field, treatment, namespace, policy].join('\n');
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const total = { audience, mode, field, treatment, namespace, policy, count: 0 };
    this.#totals.set(key, total);
    return total;
  }
}
