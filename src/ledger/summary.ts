/** Summaries of a ledger: what was in force and what each audience was shown, in a time or under one policy. */
import { isDeepStrictEqual } from 'node:util';
import type { ExposureRow, InForce, Program } from './body.ts';
import type { LedgerRecord } from './record.ts';

/** A time from `from` up to `to`, in milliseconds since 1970. An interval belongs to it when the two overlap. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** One row over several intervals. A session that lasts longer than an interval is counted in each of them, so the
 *  number of sessions lies between the two figures. */
export interface SummaryRow extends Omit<ExposureRow, 'sessions' | 'bytes'> {
  /** Of intervals that have bytes on record. */
  readonly bytes: number;
  readonly gatekeeper: string;
  readonly sessionsAtLeast: number;
  readonly sessionsAtMost: number;
}

/** What came into force for a gatekeeper, when, and in which program. Where retention has removed the record of it, `since`
 *  is the begin of the first file that is left. */
export interface InForceSince extends InForce, Program {
  readonly stream: string;
  readonly since: string;
}

/** A time in which a stream could not be written. */
export interface Gap {
  readonly stream: string;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
}

export interface LedgerSummary {
  /** In the order in which it came into force. The first of a gatekeeper may be from before the range. */
  readonly inForce: readonly InForceSince[];
  /** By gatekeeper, audience and field. */
  readonly rows: readonly SummaryRow[];
  readonly gaps: readonly Gap[];
  /** Decisions that were not kept apart. */
  readonly overflow: number;
}

export interface SummaryOptions {
  readonly range: TimeRange;
  /** Only intervals under the policy of this digest, or of one that begins so. */
  readonly policyDigest?: string | undefined;
}

interface Accumulated extends ExposureRow {
  bytes: number;
  readonly gatekeeper: string;
  sessionsAtLeast: number;
  sessionsAtMost: number;
}

/** Takes the records of all streams, each stream in its order, and sums them up. */
export class LedgerSummariser {
  readonly #range: TimeRange;
  readonly #policyDigest: string | undefined;
  /** By stream. */
  readonly #programs = new Map<string, Program>();
  /** By stream and gatekeeper. */
  readonly #current = new Map<string, InForceSince>();
  readonly #inForce = new Set<InForceSince>();
  readonly #rows = new Map<string, Accumulated>();
  readonly #gaps: Gap[] = [];
  #overflow = 0;

  constructor({ range, policyDigest }: SummaryOptions) {
    this.#range = range;
    this.#policyDigest = policyDigest;
  }

  take(stream: string, record: LedgerRecord): void {
    if (record.kind === 'opened' || record.kind === 'continued') {
      const { version, build } = record;
      this.#programs.set(stream, { version, build });
    } else if (record.kind === 'in-force') this.#takeInForce(stream, record);
    else if (record.kind === 'exposure') this.#takeExposure(stream, record);
    else if (record.kind === 'idle' && this.#overlaps(record)) this.#takeIdle(stream);
    else if (record.kind === 'overflow' && this.#overlaps(record)) this.#overflow += record.decisions;
    else if (record.kind === 'gap' && this.#overlaps(record)) {
      const { from, to, cause } = record;
      this.#gaps.push({ stream, from, to, cause });
    }
  }

  summary(): LedgerSummary {
    const inForce = [...this.#inForce].toSorted((left, right) => compare(left.since, right.since));
    const rows = [...this.#rows.values()].map(
      ({ gatekeeper, audience, field, treatment, mode, count, bytes, sessionsAtLeast, sessionsAtMost }) => ({
        gatekeeper,
        audience,
        field,
        treatment,
        mode,
        count,
        bytes,
        sessionsAtLeast,
        sessionsAtMost,
      }),
    );
    return {
      inForce,
      rows: rows.toSorted((left, right) => compare(keyOf(left), keyOf(right))),
      gaps: this.#gaps,
      overflow: this.#overflow,
    };
  }

  #takeInForce(stream: string, record: Extract<LedgerRecord, { kind: 'in-force' }>): void {
    const { n: _n, prev: _prev, hash: _hash, at, ...body } = record;
    const { version = '', build = '' } = this.#programs.get(stream) ?? {};
    const entry = { ...body, version, build, stream, since: at };
    const key = `${stream} ${record.gatekeeper}`;
    const { since = '' } = this.#current.get(key) ?? {};
    // The first records of another file say again what was in force.
    if (isDeepStrictEqual(this.#current.get(key), { ...entry, since })) return;
    this.#current.set(key, entry);
    if (Date.parse(at) >= this.#range.from && Date.parse(at) < this.#range.to && this.#isAsked(entry))
      this.#inForce.add(entry);
  }

  /** Names what was in force while nothing was decided. */
  #takeIdle(stream: string): void {
    for (const [key, entry] of this.#current)
      if (key.startsWith(`${stream} `) && this.#isAsked(entry)) this.#inForce.add(entry);
  }

  #takeExposure(stream: string, record: Extract<LedgerRecord, { kind: 'exposure' }>): void {
    if (!this.#overlaps(record)) return;
    const entry = this.#current.get(`${stream} ${record.gatekeeper}`);
    if (!this.#isAsked(entry)) return;
    if (entry !== undefined) this.#inForce.add(entry);
    for (const row of record.rows) this.#add(record.gatekeeper, row);
  }

  #add(gatekeeper: string, row: ExposureRow): void {
    const key = keyOf({ ...row, gatekeeper });
    const known = this.#rows.get(key);
    const { count, bytes = 0, sessions } = row;
    if (known === undefined)
      this.#rows.set(key, { ...row, gatekeeper, bytes, sessionsAtLeast: sessions, sessionsAtMost: sessions });
    else {
      known.count += count;
      known.bytes += bytes;
      known.sessionsAtLeast = Math.max(known.sessionsAtLeast, sessions);
      known.sessionsAtMost += sessions;
    }
  }

  #isAsked(entry: InForceSince | undefined): boolean {
    return this.#policyDigest === undefined || (entry?.policyDigest.startsWith(this.#policyDigest) ?? false);
  }

  #overlaps({ from, to }: { readonly from: string; readonly to: string }): boolean {
    return Date.parse(from) < this.#range.to && Date.parse(to) > this.#range.from;
  }
}

/** One row of a comparison: decisions of the same combination on both sides. */
export interface SummaryChange {
  readonly gatekeeper: string;
  readonly audience: string;
  readonly field: string;
  readonly treatment: string;
  readonly mode: string;
  readonly before: number;
  readonly after: number;
}

/** Compares two summaries.
 *  @returns the combinations that occur on one side only, by gatekeeper, audience and field */
export function compareSummaries(before: LedgerSummary, after: LedgerSummary): readonly SummaryChange[] {
  const counts = new Map<string, { row: SummaryRow; before: number; after: number }>();
  for (const row of before.rows) counts.set(keyOf(row), { row, before: row.count, after: 0 });
  for (const row of after.rows) {
    const known = counts.get(keyOf(row));
    if (known === undefined) counts.set(keyOf(row), { row, before: 0, after: row.count });
    else known.after = row.count;
  }
  return [...counts]
    .toSorted(([left], [right]) => compare(left, right))
    .filter(([, each]) => each.before === 0 || each.after === 0)
    .map(([, { row, ...each }]) => {
      const { gatekeeper, audience, field, treatment, mode } = row;
      return { gatekeeper, audience, field, treatment, mode, ...each };
    });
}

type RowKey = Pick<SummaryRow, 'gatekeeper' | 'audience' | 'field' | 'treatment' | 'mode'>;

function keyOf({ gatekeeper, audience, field, treatment, mode }: RowKey): string {
  return JSON.stringify([gatekeeper, audience, field, mode, treatment]);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
