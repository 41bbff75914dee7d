/** Metrics of several processes that serve the same ports, added up. */
import { AggregatorRegistry, Counter, Registry } from 'prom-client';
import { metricTable } from './metric-table.ts';

/** The metrics of one process at one time, as data that a message can carry. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export class AggregatedMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** Counts of processes that have ended. Without them a counter would fall, which Prometheus takes for a new start. */
  #ended: MetricsSnapshot = [];
  readonly #own = new Registry();
  readonly #restarts: Counter;

  constructor() {
    const name = 'narthex_worker_restarts_total';
    this.#restarts = new Counter({ name, help: metricTable[name].help, registers: [this.#own] });
  }

  /** A process is started again. */
  restarted(): void {
    this.#restarts.inc();
  }

  /** Keeps the counts of a process that has ended.
   *  @param last the newest snapshot of it that a scrape has seen */
  async ended(last: MetricsSnapshot): Promise<void> {
    const counts = last.filter(({ type }) => isCount(type));
    this.#ended = await AggregatorRegistry.aggregate([this.#ended, counts]).getMetricsAsJSON();
  }

  /** Returns the text that Prometheus scrapes.
   *  @param live snapshots of the processes that run */
  async text(live: readonly MetricsSnapshot[]): Promise<string> {
    const own = await this.#own.getMetricsAsJSON();
    return await AggregatorRegistry.aggregate([...live, this.#ended, own]).metrics();
  }
}

/** prom-client's types say that a type is a number of an enumeration; it is a word. */
function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
