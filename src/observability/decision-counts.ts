/** Counts the decisions of policies by gatekeeper, policy, field, audience and treatment, never by value. Decisions are
 *  prebuilt objects of the policy, so counting one is a look-up by identity. */
import type { Audience } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';

export type DecisionMode = 'enforced' | 'shadow';

/** One row of the totals. `namespace` is set for unlisted elements only: a registered name, or 'other'. */
export interface DecisionTotal {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  readonly audience: Audience;
  readonly mode: DecisionMode;
  readonly field: string;
  readonly treatment: string;
  readonly namespace: string | undefined;
  /** The name of the policy that decided. */
  readonly policy: string;
  /** Number of decisions since the start. */
  count: number;
  /** Number of sessions with such a decision in the current interval. */
  sessions: number;
}

/** Where a decision was made. */
export interface DecisionSubject {
  readonly gatekeeper: string;
  /** What the session has had in the interval; undefined outside of a session. */
  readonly seen?: { note(interval: number, cell: number): boolean };
}

/** Most rows. Decisions of further combinations are counted together. */
export const decisionTotalsMax = 50_000;

/** Field name in decisions about unlisted elements. */
const unlisted = 'unlisted';
const notRegistered = 'not registered';

/** A row with its number, by which sessions note it. */
interface Cell {
  readonly index: number;
  readonly total: DecisionTotal;
}

export class DecisionCounts {
  /** By gatekeeper, audience, mode and policy, then by identity of the decision. Emptied at each reading, so that
   *  decisions of replaced policies are released. */
  readonly #live = new Map<string, Map<Decision, Cell>>();
  readonly #cells = new Map<string, Cell>();
  #interval = 0;
  #overflow = 0;

  /** @param policy the name of the policy that decided: no space is in it */
  add(
    { gatekeeper, seen }: DecisionSubject,
    audience: Audience,
    mode: DecisionMode,
    decisions: readonly Decision[],
    policy: string,
  ): void {
    if (decisions.length === 0) return;
    const key = `${audience} ${mode} ${policy} ${gatekeeper}`;
    let known = this.#live.get(key);
    if (known === undefined) this.#live.set(key, (known = new Map()));
    for (const decision of decisions) {
      let cell = known.get(decision);
      if (cell === undefined) {
        cell = this.#cellOf({ gatekeeper, audience, mode, policy }, decision);
        if (cell === undefined) {
          this.#overflow += 1;
          continue;
        }
        known.set(decision, cell);
      }
      cell.total.count += 1;
      if (seen?.note(this.#interval, cell.index) === true) cell.total.sessions += 1;
    }
  }

  /** Returns the totals since the start. */
  totals(): readonly DecisionTotal[] {
    for (const known of this.#live.values()) known.clear();
    return Array.from(this.#cells.values(), ({ total }) => total);
  }

  /** Returns the number of decisions of combinations beyond `decisionTotalsMax`. */
  get overflow(): number {
    return this.#overflow;
  }

  /** Counts sessions anew. */
  startInterval(): void {
    this.#interval += 1;
    for (const { total } of this.#cells.values()) total.sessions = 0;
  }

  /** @returns undefined when there are too many rows */
  #cellOf(
    where: Pick<DecisionTotal, 'gatekeeper' | 'audience' | 'mode' | 'policy'>,
    { field, treatment, reason }: Decision,
  ): Cell | undefined {
    const namespace = field === unlisted ? (reason === notRegistered ? 'other' : reason) : undefined;
    const key = [...Object.values(where), field, treatment, namespace].join('\n');
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const index = this.#cells.size;
    if (index >= decisionTotalsMax) return undefined;
    const cell = { index, total: { ...where, field, treatment, namespace, count: 0, sessions: 0 } };
    this.#cells.set(key, cell);
    return cell;
  }
}
