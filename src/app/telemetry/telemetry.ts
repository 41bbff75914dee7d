/** Log, metrics and tracing of one process, and the observer that feeds them. */
import type { Config } from '../../config/schema.ts';
import { FileStates } from '../../observability/file-states.ts';
import { version as versionOf } from '../../observability/identifiers.ts';
import { openLog } from '../../observability/log.ts';
import { createMetrics } from '../../observability/metrics.ts';
import { SessionGauge } from '../../observability/session-gauge.ts';
import type { Collector } from '../../observability/tracing-sdk.ts';
import { openTracing } from '../../observability/tracing.ts';
import type { Clock } from '../clock.ts';
import type { ProxyObserver } from '../observer.ts';
import type { Part } from '../part.ts';
import { readCollectorFiles } from './collector-files.ts';
import { createObserver, type TelemetryOptions } from './observer.ts';

export interface Telemetry extends TelemetryOptions, Part {
  readonly observer: ProxyObserver;
}

export interface TelemetrySections {
  readonly log: Config['log'];
  readonly tracing: Config['tracing'];
  readonly admin?: Pick<Config['admin'], 'exposureRowsMax'>;
}

export interface TelemetryEnvironment {
  /** Version of the product, a label of the metrics and an attribute of the spans. */
  readonly version: string;
  /** Whether memory, CPU time and event loop of the process are measured too. */
  readonly processMetrics: boolean;
  readonly clock: Clock;
  /** Number of this process among several, for its log lines. */
  readonly worker?: number | undefined;
  /** Called when log lines cannot be written, with the system's code. */
  readonly logFailed?: (systemCode: string) => void;
}

/** Opens log, metrics and tracing.
 *  @throws Error ERR_TRACING_SDK_MISSING when an endpoint is configured and the SDK is not installed
 *  @throws SetupError ERR_TRACING_FILE, ERR_CERTIFICATE_INVALID */
export async function openTelemetry(
  { log: { level, unauthenticatedLinesPerSecondMax }, tracing: tracingConfig, admin }: TelemetrySections,
  { version, processMetrics, clock, worker, logFailed }: TelemetryEnvironment,
): Promise<Telemetry> {
  const metrics = createMetrics({
    version,
    processMetrics,
    ...(admin && { decisionSeriesMax: admin.exposureRowsMax }),
    now: clock.wall,
  });
  const log = openLog({
    level,
    worker,
    now: clock.wall,
    unauthenticatedLinesPerSecondMax,
    suppressed: (event) => metrics.logLineSuppressed(event),
    failed(systemCode) {
      metrics.logFailed();
      logFailed?.(systemCode);
    },
  });
  const tracing = await openTracing({
    collector: collectorOf(tracingConfig),
    version,
    failed: () => log.write('tracing.failed', {}),
    dropped: (reason, spans) => metrics.spansDropped(reason, spans),
  });
  metrics.watchSpans(() => tracing.waiting());
  const gauge = new SessionGauge();
  const files = new FileStates();
  const options = { log, metrics, tracing, gauge, files, clock, version: versionOf(version) };
  return { ...options, observer: createObserver(options), close: () => tracing.shutdown() };
}

/** Returns the collector of the configuration with its files read; undefined without one.
 *  @throws SetupError ERR_TRACING_FILE, ERR_CERTIFICATE_INVALID */
function collectorOf(config: Config['tracing']): Collector | undefined {
  const { otlpEndpoint: endpoint, sampleRatio, resource } = config;
  if (endpoint === undefined) return undefined;
  return { endpoint, sampleRatio, resource, ...readCollectorFiles(config) };
}
