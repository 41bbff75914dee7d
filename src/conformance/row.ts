/** A row of the checklist, and its result. */
import type { Deployment } from './deployment.ts';

export interface Row {
  readonly id: string;
  /** From 1. */
  readonly milestone: number;
  readonly title: string;
  /** Rows that must have passed. */
  readonly needs: readonly string[];
  /** @throws Finding */
  readonly run: (deployment: Deployment) => Promise<void>;
}

export interface RowResult extends Pick<Row, 'id' | 'milestone' | 'title'> {
  /** `blocked`: a row that it needs has not passed. */
  readonly outcome: 'pass' | 'fail' | 'skipped' | 'blocked';
  /** Empty for `pass`. */
  readonly why: string;
}
