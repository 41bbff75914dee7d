/** Counts the decisions of policies by gatekeeper, policy, field, audience and treatment, never by value. Decisions are
 *  prebuilt objects of the policy, so counting one is a look-up by identity: no key is built for a stanza. */
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
  /** `count` when the current interval began. */
  countBefore: number;
  /** Number of sessions with such a decision in the current interval. */
  sessions: number;
  /** The largest number of sessions in one of the intervals before, and the sum of all. A session is counted in each
   *  interval that it has such a decision in. */
  sessionsAtLeastBefore: number;
  sessionsAtMostBefore: number;
}

/** Where a decision was made. */
export interface DecisionSubject {
  readonly gatekeeper: string;
  /** What the session has had in the interval; undefined outside of a session. */
  readonly seen?: { note(interval: number, cell: number): boolean };
}

/** The policy that has decided, by identity: one object as long as it is in force. */
export interface DecidingPolicy {
  readonly name: string;
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

/** Rows of one policy at one gatekeeper, by `slotOf`, then by identity of the decision. */
type PolicyCells = (Map<Decision, Cell> | undefined)[];

const audienceIndex: Readonly<Record<Audience, number>> = {
  gatekeeper: 0,
  client: 1,
  provider: 2,
  operator: 3,
};

function slotOf(audience: Audience, mode: DecisionMode): number {
  return audienceIndex[audience] * 2 + (mode === 'enforced' ? 0 : 1);
}

export class DecisionCounts {
  /** By gatekeeper. A policy that is no longer in force is released with its decisions. */
  readonly #live = new Map<string, WeakMap<DecidingPolicy, PolicyCells>>();
  readonly #cells = new Map<string, Cell>();
  readonly #now: () => number;
  /** When counting began, in milliseconds since 1970. */
  readonly startedAt: number;
  #interval = 0;
  #intervalFrom: number;
  #overflow = 0;

  /** @param now returns milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.startedAt = now();
    this.#intervalFrom = this.startedAt;
  }

  add(
    { gatekeeper, seen }: DecisionSubject,
    audience: Audience,
    mode: DecisionMode,
    decisions: readonly Decision[],
    policy: DecidingPolicy,
  ): void {
    if (decisions.length === 0) return;
    const known = this.#knownBy(gatekeeper, policy, slotOf(audience, mode));
    for (const decision of decisions) {
      let cell = known.get(decision);
      if (cell === undefined) {
        cell = this.#cellOf({ gatekeeper, audience, mode, policy: policy.name }, decision);
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

  /** Returns the totals since the start, in the order in which the combinations first occurred. */
  totals(): readonly DecisionTotal[] {
    return Array.from(this.#cells.values(), ({ total }) => total);
  }

  /** Returns the number of decisions of combinations beyond `decisionTotalsMax`. */
  get overflow(): number {
    return this.#overflow;
  }

  /** Returns when the current interval began, in milliseconds since 1970. */
  get intervalFrom(): number {
    return this.#intervalFrom;
  }

  /** Begins the next interval: sessions are counted anew. */
  startInterval(): void {
    this.#interval += 1;
    this.#intervalFrom = this.#now();
    for (const { total } of this.#cells.values()) {
      total.countBefore = total.count;
      total.sessionsAtLeastBefore = Math.max(total.sessionsAtLeastBefore, total.sessions);
      total.sessionsAtMostBefore += total.sessions;
      total.sessions = 0;
    }
  }

  #knownBy(gatekeeper: string, policy: DecidingPolicy, slot: number): Map<Decision, Cell> {
    let policies = this.#live.get(gatekeeper);
    if (policies === undefined) this.#live.set(gatekeeper, (policies = new WeakMap()));
    let cells = policies.get(policy);
    if (cells === undefined) policies.set(policy, (cells = []));
    return (cells[slot] ??= new Map());
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
    const cell = { index, total: { ...where, field, treatment, namespace, ...nothingCounted } };
    this.#cells.set(key, cell);
    return cell;
  }
}

const nothingCounted = {
  count: 0,
  countBefore: 0,
  sessions: 0,
  sessionsAtLeastBefore: 0,
  sessionsAtMostBefore: 0,
};
