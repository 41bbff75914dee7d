/** Metrics of the store that replicas share. */
import type { Counter, Gauge, Histogram } from 'prom-client';
import { stateKindNames, type StateKind } from '../state/kinds.ts';
import { stateOperations, stateOutcomes, type StateOperation, type StateOutcome } from '../state/observer.ts';
import type { MetricName } from './metric-table.ts';

export interface StateMetrics {
  readonly operated: (operation: StateOperation, outcome: StateOutcome, seconds: number) => void;
  readonly up: (now: boolean) => void;
  readonly refused: (kind: StateKind) => void;
}

interface MetricFactory {
  readonly counter: (name: MetricName) => Counter;
  readonly gauge: (name: MetricName) => Gauge;
  readonly histogram: (name: MetricName) => Histogram;
}

/** Outcomes of operations that were not sent, so that their time is not that of the server. */
const unsent: readonly StateOutcome[] = ['lost', 'busy'];

export function createStateMetrics({ counter, gauge, histogram }: MetricFactory): StateMetrics {
  const isUp = gauge('narthex_state_store_up');
  const operations = counter('narthex_state_operations_total');
  const seconds = histogram('narthex_state_operation_seconds');
  const values = counter('narthex_state_values_refused_total');
  isUp.set(1);
  for (const operation of stateOperations) {
    for (const outcome of stateOutcomes) operations.inc({ operation, outcome }, 0);
    seconds.zero({ operation });
  }
  for (const kind of stateKindNames) values.inc({ kind }, 0);
  return {
    operated(operation, outcome, duration) {
      operations.inc({ operation, outcome });
      if (!unsent.includes(outcome)) seconds.observe({ operation }, duration);
    },
    up: (now) => isUp.set(now ? 1 : 0),
    refused: (kind) => values.inc({ kind }),
  };
}
