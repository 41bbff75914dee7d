/** Metrics of several processes that serve the same ports, added up. */
import { AggregatorRegistry, Counter, Registry } from 'prom-client';
import { metricTable } from './metric-table.ts';

/** The metrics of one process at one time, as data that a message can carry. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export class AggregatedMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** Counts of processes that have ended. Without them a counter would fall, which Prometheus takes for a new start. */
  #ended: Promise<MetricsSnapshot> = Promise.resolve([]);
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
  ended(last: MetricsSnapshot): void {
    const counts = last.filter(({ type }) => isCount(type));
    this.#ended = this.#ended.then((earlier) =>
      AggregatorRegistry.aggregate([earlier, counts]).getMetricsAsJSON(),
    );
  }

  /** Returns the text that Prometheus scrapes.
   *  @param live snapshots of the processes that ran at the call, also of those that end before it resolves */
  async text(live: Promise<readonly MetricsSnapshot[]>): Promise<string> {
    const [ended, own, running] = await Promise.all([this.#ended, this.#own.getMetricsAsJSON(), live]);
    return await AggregatorRegistry.aggregate([...running, ended, own]).metrics();
  }
}

/** Returns whether a metric can be added up. The types of prom-client call its type a number; it is a word. */
function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
