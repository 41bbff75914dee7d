/** The shape of a long run: thousands of cases, minutes of load, or a whole matrix, which continuous integration runs
 *  with a small count and a person with the full one. */

/** What a run is asked to do. */
export interface LongRunRequest {
  /** Cases to run, or rounds, as the run's `unit` says. */
  readonly count: number;
  /** Seed of everything that is random; the same seed gives the same cases. */
  readonly seed: number;
  /** Reports progress to a person; called as often as wanted, printed at most every few seconds. */
  readonly progress: (done: number) => void;
}

/** What a run found. */
export interface LongRunResult {
  /** Figures to print, one per line, in this order. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** One line per failed case, with what is needed to repeat it. Empty means that the run passed. */
  readonly failures: readonly string[];
}

export interface LongRun {
  readonly name: string;
  /** One line: what is shown. */
  readonly summary: string;
  /** What `count` counts: streams, reloads, suites, … */
  readonly unit: string;
  /** Count of a full run. */
  readonly count: number;
  run(request: LongRunRequest): Promise<LongRunResult>;
}
