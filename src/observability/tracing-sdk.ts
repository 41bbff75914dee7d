/** The OpenTelemetry SDK, loaded only when spans are to be exported. Its packages are optional: npm leaves them out
 *  on request, and where the Node that runs npm is older than they ask for. Hence the types of the few parts used. */
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
  /** Delivers what is waiting, for at most `exportTimeoutMs`, and stops. */
  readonly shutdown: () => Promise<void>;
}

/** Endpoint set, packages absent. ERRORS.md tells the remedy. */
class TracingError extends Error {
  override readonly name = 'TracingError';
  readonly code = 'ERR_TRACING_SDK_MISSING';

  constructor(cause: unknown) {
    super('tracing is on, but the OpenTelemetry SDK packages are not installed', { cause });
  }
}

/** Spans that wait for delivery at most; later ones are dropped, so that a dead collector costs no memory. */
const queuedSpansMax = 2_048;
const batchSpansMax = 512;
const batchDelayMs = 5_000;
const exportTimeoutMs = 5_000;

/** Loads the SDK and connects it to a collector, without touching the global registry of the API: no context manager
 *  (parents are passed explicitly, an AsyncLocalStorage would cost every callback of the process) and no propagator
 *  (a trace id sent on would let a gatekeeper link sessions).
 *  @throws TracingError */
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
    // No resource detectors: host name, process arguments and user stay out of the spans.
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

/** A name in a variable, so that the compiler does not ask for a package that may be absent. */
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

/** Passes on, and tells when a delivery failed: the SDK itself would only tell its own global logger. */
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
