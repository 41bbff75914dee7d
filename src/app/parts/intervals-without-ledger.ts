/** The intervals that decisions are counted in where no ledger sets them. */
import type { DecisionCounts } from '../../observability/decision-counts.ts';
import type { Part } from '../part.ts';

/** Milliseconds of one interval, as of a ledger by default. */
export const intervalMs = 60_000;

/** Stands in the place of a ledger. */
export class IntervalsWithoutLedger implements Part {
  readonly refuses = false;
  readonly head = undefined;
  readonly failure = undefined;
  readonly #counts: Pick<DecisionCounts, 'startInterval'>;
  readonly #timer: NodeJS.Timeout;

  constructor(counts: Pick<DecisionCounts, 'startInterval'>) {
    this.#counts = counts;
    this.#timer = setInterval(() => counts.startInterval(), intervalMs).unref();
  }

  /** Begins an interval. Called when policies have changed. */
  changed(): void {
    this.#counts.startInterval();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
