import type { Spread } from './statistics.ts';

/** One line of the printed table. */
export interface Row {
  readonly name: string;
  /** Bytes of one stanza; 0 where the row has none. */
  readonly byteLength: number;
  /** What was measured, in `unit`. */
  readonly figure: Spread;
  /** Unit of the figure, e.g. `µs per round trip`. */
  readonly unit: string;
  /** Cost in relation to the yardstick of the same run; below 1 is cheaper. Undefined when no round was comparable. */
  readonly ratio: Spread | undefined;
  /** What the ratio is to. */
  readonly yardstick: string;
  /** The ratio that the design aims at, when it names one. */
  readonly aim?: number;
  /** How the rounds were run, where a load was generated. */
  readonly load?: LoadConditions;
}

/** Medians over the rounds of a row, and what was left out. */
export interface LoadConditions {
  readonly eventsPerLoop: number | undefined;
  /** CPU time over elapsed time, of the contender and of the load generator. */
  readonly busy: number;
  readonly loadBusy: number;
  /** Rounds in which the contender and the yardstick did not run alike. */
  readonly discarded: number;
}

/** What every bench is given. */
export interface BenchContext {
  /** Rounds of the benches that have rounds; their own number when undefined. */
  readonly rounds: number | undefined;
  /** The product of another revision, to be measured in the same run. */
  readonly against: Checkout | undefined;
}

/** A copy of the sources of a revision, with the dependencies of this one. */
export interface Checkout {
  /** As in the rows, e.g. `@f611cae`; empty for the working tree. */
  readonly suffix: string;
  readonly root: string;
}

/** A file of rows: main.ts lists them. */
export interface Bench {
  readonly name: string;
  /** One or two sentences for the page: what is measured, and against what. */
  readonly summary: string;
  run(context: BenchContext): Row[] | Promise<Row[]>;
}
