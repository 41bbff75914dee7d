/** Loads the OpenTelemetry SDK, only when spans are exported. Its packages are optional: npm leaves them out on
 *  request, and where its Node is too old for them. Therefore the few types in use are declared here. */
import type { Tracer } from '@opentelemetry/api';

export interface SdkOptions {
  /** Base URL of an OTLP/HTTP collector. */
  readonly endpoint: string;
  /** Version of the product. */
  readonly version: string;
  /** Called for each batch of spans that could not be delivered. */
  readonly failed: () => void;
}

export interface Sdk {
  readonly tracer: Tracer;
  /** Delivers waiting spans within `exportTimeoutMs`, and stops. */
  readonly shutdown: () => Promise<void>;
}

/** An endpoint is configured, but the packages are absent. ERRORS.md has the remedy. */
class TracingError extends Error {
  override readonly name = 'TracingError';
  readonly code = 'ERR_TRACING_SDK_MISSING';

  constructor(cause: unknown) {
    super('tracing is on, but the OpenTelemetry SDK packages are not installed', { cause });
  }
}

/** Most spans that wait for delivery; later ones are dropped, so that a dead collector costs no memory. */
const queuedSpansMax = 2_048;
const batchSpansMax = 512;
const batchDelayMs = 5_000;
const exportTimeoutMs = 5_000;

/** Loads the SDK and connects it to a collector, without the global registry of the API. No context manager: parents
 *  are passed explicitly, because an AsyncLocalStorage costs every callback of the process. No propagator: a forwarded
 *  trace id would let a gatekeeper link sessions.
 *  @throws TracingError when the packages are absent */
export async function loadSdk({ endpoint, version, failed }: SdkOptions): Promise<Sdk> {
  const { trace, resources, otlp } = await packages();
  const exporter = new otlp.OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
  });
  const processor = new trace.BatchSpanProcessor({
    exporter: reporting(exporter, failed),
    maxQueueSize: queuedSpansMax,
    maxExportBatchSize: batchSpansMax,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const provider = new trace.TracerProvider({
    // Without resource detectors, so that host name, process arguments and user stay out of spans.
    resource: resources.resourceFromAttributes({ 'service.name': 'narthex', 'service.version': version }),
    spanProcessors: [processor],
  });
  return { tracer: provider.getTracer('narthex', version), shutdown: () => provider.shutdown() };
}

interface Packages {
  readonly trace: TracePackage;
  readonly resources: ResourcesPackage;
  readonly otlp: OtlpPackage;
}

async function packages(): Promise<Packages> {
  try {
    const [trace, resources, otlp] = await Promise.all([
      load<TracePackage>('@opentelemetry/sdk-trace'),
      load<ResourcesPackage>('@opentelemetry/resources'),
      load<OtlpPackage>('@opentelemetry/exporter-trace-otlp-http'),
    ]);
    return { trace, resources, otlp };
  } catch (error) {
    throw new TracingError(error);
  }
}

/** Imports a package by a name in a variable, so that the compiler does not require it. */
function load<Package>(name: string): Promise<Package> {
  return import(name) as Promise<Package>;
}

interface Exporter {
  export(spans: readonly unknown[], done: (result: { readonly code: number }) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

interface TracePackage {
  readonly BatchSpanProcessor: new (options: {
    exporter: Exporter;
    maxQueueSize: number;
    maxExportBatchSize: number;
    scheduledDelayMillis: number;
    exportTimeoutMillis: number;
  }) => object;
  readonly TracerProvider: new (options: { resource: object; spanProcessors: object[] }) => {
    getTracer(name: string, version: string): Tracer;
    shutdown(): Promise<void>;
  };
}

interface ResourcesPackage {
  readonly resourceFromAttributes: (attributes: Readonly<Record<string, string>>) => object;
}

interface OtlpPackage {
  readonly OTLPTraceExporter: new (options: { url: string; timeoutMillis: number }) => Exporter;
}

/** Wraps an exporter to report failed deliveries: the SDK reports them to its global logger only. */
function reporting(exporter: Exporter, failed: () => void): Exporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) failed();
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
