/** Counts the decisions of policies by gatekeeper, policy, field, audience and treatment, never by value. A policy numbers
 *  its decisions when it is compiled, so counting one is a look-up by number: no key is built for a stanza. */
import type { Audience } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';

export type DecisionMode = 'enforced' | 'shadow';

/** What one row counts. `namespace` is set for unlisted elements only: a registered name, or 'other'. */
interface Combination {
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  readonly audience: Audience;
  readonly mode: DecisionMode;
  readonly field: string;
  readonly treatment: string;
  readonly namespace: string | undefined;
  /** The name of the policy that decided. */
  readonly policy: string;
}

/** One row of the totals, as it is when it is read. */
export interface DecisionTotal extends Combination {
  /** Number of decisions since the start. */
  readonly count: number;
  /** Bytes of the elements, attributes and texts that they were about, as received. Counted in stanzas only. */
  readonly bytes: number;
  readonly interval: IntervalTotal;
  /** Sessions with such a decision since the start. One that lasts longer than an interval is counted in each, so the
   *  number lies between the two figures. */
  readonly sessionsAtLeast: number;
  readonly sessionsAtMost: number;
}

/** What was counted since the current interval began. */
interface IntervalTotal {
  readonly count: number;
  readonly bytes: number;
  readonly sessions: number;
}

/** Where a decision was made. */
export interface DecisionSubject {
  readonly gatekeeper: string;
  /** What the session has had in the interval; undefined outside of a session. */
  readonly seen?: { bits(interval: number, rows: number): Uint32Array };
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

/** A decision that was not counted yet. */
const noRow = -1;
/** A decision beyond `decisionTotalsMax`: it stays without a row, since rows are never given up. */
const beyond = -2;

/** Numbers of rows by number of the decision, or one of the two above. */
type Rows = number[];

const slots: Readonly<Record<DecisionMode, Readonly<Record<Audience, number>>>> = {
  enforced: { gatekeeper: 0, client: 1, provider: 2, operator: 3 },
  shadow: { gatekeeper: 4, client: 5, provider: 6, operator: 7 },
};

export class DecisionCounts {
  /** When counting began, in milliseconds since 1970. */
  readonly startedAt: number;
  /** By gatekeeper and policy, then by slot. A policy that is no longer in force is released. */
  readonly #rows = new Map<string, WeakMap<DecidingPolicy, Rows[]>>();
  readonly #numbers = new Map<string, number>();
  readonly #combinations: Combination[] = [];
  // By number of the row.
  #counts = new Float64Array(64);
  #bytes = new Float64Array(64);
  #sessions = new Float64Array(64);
  /** At the start of the interval. */
  #countsBefore = new Float64Array(64);
  #bytesBefore = new Float64Array(64);
  /** Of the intervals before: the largest number of sessions, and the sum. */
  #sessionsMost = new Float64Array(64);
  #sessionsSum = new Float64Array(64);
  readonly #now: () => number;
  #interval = 0;
  #intervalFrom: number;
  #overflow = 0;

  /** @param now returns milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.startedAt = now();
    this.#intervalFrom = this.startedAt;
  }

  /** @param policy the one that has decided; numbers of decisions are its own
   *  @param sizes bytes that each decision is about, as received; absent for what is in no stanza */
  add(
    { gatekeeper, seen }: DecisionSubject,
    audience: Audience,
    mode: DecisionMode,
    decisions: readonly Decision[],
    policy: DecidingPolicy,
    sizes?: readonly number[],
  ): void {
    if (decisions.length === 0) return;
    const rows = this.#rowsOf(gatekeeper, policy)[slots[mode][audience]]!;
    for (let index = 0; index < decisions.length; index += 1) {
      const decision = decisions[index]!;
      // A number beyond the end is read as undefined.
      let row = rows[decision.id];
      if (row === undefined || row < 0) {
        if (row !== beyond)
          row = this.#begin(rows, { gatekeeper, audience, mode, policy: policy.name }, decision);
        if (row === beyond) {
          this.#overflow += 1;
          continue;
        }
      }
      this.#counts[row]! += 1;
      if (sizes !== undefined) this.#bytes[row]! += sizes[index]!;
    }
    if (seen !== undefined) this.#note(rows, decisions, seen.bits(this.#interval, this.#combinations.length));
  }

  /** Counts the session in rows that it was not in before in this interval. */
  #note(rows: Rows, decisions: readonly Decision[], bits: Uint32Array): void {
    for (let index = 0; index < decisions.length; index += 1) {
      const row = rows[decisions[index]!.id]!;
      if (row === beyond) continue;
      const bit = 1 << (row & 31);
      if ((bits[row >>> 5]! & bit) !== 0) continue;
      bits[row >>> 5]! |= bit;
      this.#sessions[row]! += 1;
    }
  }

  /** Returns the totals since the start, in the order in which the combinations first occurred. */
  totals(): readonly DecisionTotal[] {
    return this.#combinations.map((combination, row) => {
      const [count, bytes, sessions] = [this.#counts[row]!, this.#bytes[row]!, this.#sessions[row]!];
      return {
        ...combination,
        count,
        bytes,
        interval: {
          count: count - this.#countsBefore[row]!,
          bytes: bytes - this.#bytesBefore[row]!,
          sessions,
        },
        sessionsAtLeast: Math.max(this.#sessionsMost[row]!, sessions),
        sessionsAtMost: this.#sessionsSum[row]! + sessions,
      };
    });
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
    this.#countsBefore.set(this.#counts);
    this.#bytesBefore.set(this.#bytes);
    for (let row = 0; row < this.#combinations.length; row += 1) {
      const sessions = this.#sessions[row]!;
      this.#sessionsMost[row] = Math.max(this.#sessionsMost[row]!, sessions);
      this.#sessionsSum[row]! += sessions;
    }
    this.#sessions.fill(0);
  }

  #rowsOf(gatekeeper: string, policy: DecidingPolicy): Rows[] {
    let policies = this.#rows.get(gatekeeper);
    if (policies === undefined) this.#rows.set(gatekeeper, (policies = new WeakMap()));
    let rows = policies.get(policy);
    if (rows === undefined) policies.set(policy, (rows = Array.from({ length: 8 }, () => [])));
    return rows;
  }

  /** Gives a decision its row.
   *  @returns its number; `beyond` where there are too many */
  #begin(
    rows: Rows,
    where: Pick<Combination, 'gatekeeper' | 'audience' | 'mode' | 'policy'>,
    { id, field, treatment, reason }: Decision,
  ): number {
    // Filled without a gap, so that it stays an array of small integers and does not become a hash table.
    while (rows.length <= id) rows.push(noRow);
    const namespace = field === unlisted ? (reason === notRegistered ? 'other' : reason) : undefined;
    const combination = { ...where, field, treatment, namespace };
    const key = Object.values(combination).join('\n');
    let row = this.#numbers.get(key);
    if (row === undefined && this.#combinations.length < decisionTotalsMax) {
      row = this.#combinations.push(combination) - 1;
      this.#numbers.set(key, row);
      if (row === this.#counts.length) this.#grow();
    }
    return (rows[id] = row ?? beyond);
  }

  #grow(): void {
    this.#counts = enlarged(this.#counts);
    this.#bytes = enlarged(this.#bytes);
    this.#sessions = enlarged(this.#sessions);
    this.#countsBefore = enlarged(this.#countsBefore);
    this.#bytesBefore = enlarged(this.#bytesBefore);
    this.#sessionsMost = enlarged(this.#sessionsMost);
    this.#sessionsSum = enlarged(this.#sessionsSum);
  }
}

function enlarged(from: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(from.length * 2);
  larger.set(from);
  return larger;
}
