/** One line of the printed table. */
export interface Row {
  readonly name: string;
  /** Bytes of one stanza. */
  readonly byteLength: number;
  /** What was measured, with its unit, e.g. `412 MB/s`. */
  readonly figure: string;
  /** Cost in relation to the yardstick of the same run; below 1 is cheaper. */
  readonly ratio: number;
  /** What the ratio is to. */
  readonly yardstick: string;
  /** The ratio that the design aims at, when it names one. */
  readonly aim?: number;
}

/** A file of rows: main.ts lists them. */
export interface Bench {
  readonly name: string;
  run(): Row[] | Promise<Row[]>;
}
