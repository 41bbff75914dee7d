/** Turns running totals into records: what was decided since the last record, under what was in force. */
import type { ExposureRow, InForce, RecordBody } from './body.ts';

/** Totals of one combination since the start of the process. */
export interface ExposureTotal extends Omit<ExposureRow, 'sessions' | 'bytes'> {
  readonly gatekeeper: string;
  readonly bytes?: number | undefined;
  /** Sessions in which it occurred since the last call of `startInterval`. */
  readonly sessions: number;
}

export interface ExposureSource {
  totals(): readonly ExposureTotal[];
  /** Decisions that were not kept apart, since the start. */
  readonly overflow: number;
  /** Counts sessions anew. */
  startInterval(): void;
}

/** Most rows of one record; an interval with more has several records. */
export const exposureRowsMax = 1_000;

/** Most records that wait while the ledger cannot be written. Beyond it the time under several policies is written as
 *  one interval. */
export const pendingRecordsMax = 1_000;

/** What is on record of one combination. */
type Recorded = Pick<ExposureTotal, 'count' | 'bytes'>;

const nothing: Recorded = { count: 0, bytes: 0 };

export interface IntervalOptions {
  readonly source: ExposureSource;
  /** Returns what is in force, by gatekeeper. */
  readonly inForce: () => readonly InForce[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Intervals {
  readonly #options: IntervalOptions;
  /** Totals that are on record or pending, by combination. */
  #recorded = new Map<string, Recorded>();
  #recordedOverflow = 0;
  /** What the last record says is in force, as JSON by gatekeeper. */
  readonly #inForce = new Map<string, string>();
  #from: number;
  readonly #pending: RecordBody[] = [];

  constructor(options: IntervalOptions) {
    this.#options = options;
    this.#from = options.now();
    this.turn();
  }

  /** Ends an interval where something else came into force, also while nothing can be written. */
  turn(): void {
    if (this.#pending.length >= pendingRecordsMax) return;
    const changed = this.#changed();
    if (changed.length === 0) return;
    this.#pending.push(...this.#take(), ...changed);
    for (const body of changed) this.#inForce.set(body.gatekeeper, JSON.stringify(body));
  }

  /** Ends an interval.
   *  @param write writes records, and returns whether they are on disk; otherwise the next interval has their counts */
  async end(write: (bodies: readonly RecordBody[]) => Promise<boolean>): Promise<boolean> {
    this.turn();
    const before = { from: this.#from, recorded: this.#recorded, overflow: this.#recordedOverflow };
    const taken = this.#take();
    const records = [...this.#pending, ...taken];
    const bodies = records.length === 0 ? [this.#idle(before.from)] : records;
    const { length: pendingBefore } = this.#pending;
    if (await write(bodies)) {
      this.#pending.splice(0, pendingBefore);
      return true;
    }
    // A policy that changed meanwhile has put the counts on the list of pending records.
    if (this.#pending.length === pendingBefore) {
      this.#from = before.from;
      this.#recorded = before.recorded;
      this.#recordedOverflow = before.overflow;
    } else this.#pending.splice(pendingBefore, 0, ...taken);
    return false;
  }

  #idle(since: number): RecordBody {
    const [from, to] = [since, this.#from].map((time) => new Date(time).toISOString()) as [string, string];
    return { kind: 'idle', from, to };
  }

  #changed(): readonly InForce[] {
    return this.#options
      .inForce()
      .filter((body) => this.#inForce.get(body.gatekeeper) !== JSON.stringify(body));
  }

  /** Returns the records of the time since the last ones. */
  #take(): readonly RecordBody[] {
    const { source, now } = this.#options;
    const [from, to] = [this.#from, now()].map((time) => new Date(time).toISOString()) as [string, string];
    const rows = new Map<string, ExposureRow[]>();
    const recorded = new Map<string, Recorded>();
    for (const { gatekeeper, audience, field, treatment, mode, count, bytes, sessions } of source.totals()) {
      const key = JSON.stringify([gatekeeper, audience, field, treatment, mode]);
      recorded.set(key, { count, bytes });
      const before = this.#recorded.get(key) ?? nothing;
      const since = count - before.count;
      if (since === 0) continue;
      const size = bytes === undefined ? {} : { bytes: bytes - (before.bytes ?? 0) };
      const row = { audience, field, treatment, mode, count: since, ...size, sessions };
      const known = rows.get(gatekeeper);
      if (known === undefined) rows.set(gatekeeper, [row]);
      else known.push(row);
    }
    const overflow = source.overflow - this.#recordedOverflow;
    this.#recorded = recorded;
    this.#recordedOverflow = source.overflow;
    this.#from = Date.parse(to);
    source.startInterval();
    const records = [...rows].flatMap(([gatekeeper, all]) =>
      chunksOf(all).map((some): RecordBody => ({ kind: 'exposure', gatekeeper, from, to, rows: some })),
    );
    return overflow === 0 ? records : [...records, { kind: 'overflow', from, to, decisions: overflow }];
  }
}

function chunksOf(rows: readonly ExposureRow[]): ExposureRow[][] {
  const chunks: ExposureRow[][] = [];
  for (let start = 0; start < rows.length; start += exposureRowsMax)
    chunks.push(rows.slice(start, start + exposureRowsMax));
  return chunks;
}
