/** Loads the OpenTelemetry SDK, only when spans are exported. Its packages are optional: npm leaves them out on
 *  request, and where its Node is too old for them. Therefore the few types in use are declared here. */
import { randomUUID } from 'node:crypto';
import type { Tracer } from '@opentelemetry/api';

/** Where spans go, and what is said of the process. */
export interface Collector {
  /** Base URL of an OTLP/HTTP collector. */
  readonly endpoint: string;
  /** Headers of every export. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificate authorities in PEM form; undefined for the public ones. */
  readonly authorities: string | undefined;
  /** Share of the traces that are recorded, 0 to 1. */
  readonly sampleRatio: number;
  /** Attributes of the process. */
  readonly resource: Readonly<Record<string, string>>;
}

export interface SdkOptions {
  readonly collector: Collector;
  /** Version of the product. */
  readonly version: string;
  /** Called for each batch of spans that could not be delivered. */
  readonly failed: () => void;
  /** Called when spans are lost: for want of room, or because their delivery failed. */
  readonly dropped: (reason: 'queue' | 'delivery', spans: number) => void;
}

export interface Sdk {
  readonly tracer: Tracer;
  /** Returns how many spans wait for delivery. */
  readonly waiting: () => number;
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
export async function loadSdk({ collector, version, failed, dropped }: SdkOptions): Promise<Sdk> {
  const { trace, resources, otlp } = await packages();
  const { endpoint, headers, authorities, sampleRatio, resource } = collector;
  const exporter = new otlp.OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
    headers,
    ...(authorities !== undefined && { httpAgentOptions: { keepAlive: true, ca: authorities } }),
  });
  const queue = new Queue();
  const processor = new trace.BatchSpanProcessor({
    exporter: reporting(exporter, queue, (spans) => {
      failed();
      dropped('delivery', spans);
    }),
    maxQueueSize: queuedSpansMax,
    maxExportBatchSize: batchSpansMax,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const provider = new trace.TracerProvider({
    // Without resource detectors, so that host name, process arguments and user stay out of spans.
    resource: resources.resourceFromAttributes({
      'service.name': 'narthex',
      'service.instance.id': randomUUID(),
      ...resource,
      'service.version': version,
    }),
    sampler: new trace.ParentBasedSampler({ root: new trace.TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [counting(processor, queue, () => dropped('queue', 1))],
  });
  return {
    tracer: provider.getTracer('narthex', version),
    waiting: () => queue.length,
    shutdown: () => provider.shutdown(),
  };
}

/** How many ended spans the batch processor holds. It tells neither that nor which it drops. */
class Queue {
  length = 0;
}

/** Wraps a processor to count what waits in it, and what it drops when it is full. */
function counting(processor: SpanProcessor, queue: Queue, dropped: () => void): SpanProcessor {
  return {
    onStart: (span, context) => processor.onStart(span, context),
    onEnd(span) {
      if (queue.length >= queuedSpansMax) dropped();
      else queue.length += 1;
      processor.onEnd(span);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
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

interface SpanProcessor {
  onStart(span: unknown, context: unknown): void;
  /** Called for recorded spans only. */
  onEnd(span: unknown): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

interface TracePackage {
  readonly BatchSpanProcessor: new (options: {
    exporter: Exporter;
    maxQueueSize: number;
    maxExportBatchSize: number;
    scheduledDelayMillis: number;
    exportTimeoutMillis: number;
  }) => SpanProcessor;
  readonly TraceIdRatioBasedSampler: new (ratio: number) => object;
  readonly ParentBasedSampler: new (options: { root: object }) => object;
  readonly TracerProvider: new (options: {
    resource: object;
    sampler: object;
    spanProcessors: SpanProcessor[];
  }) => {
    getTracer(name: string, version: string): Tracer;
    shutdown(): Promise<void>;
  };
}

interface ResourcesPackage {
  readonly resourceFromAttributes: (attributes: Readonly<Record<string, string>>) => object;
}

interface OtlpPackage {
  readonly OTLPTraceExporter: new (options: {
    url: string;
    timeoutMillis: number;
    headers: Readonly<Record<string, string>>;
    httpAgentOptions?: { keepAlive: boolean; ca: string };
  }) => Exporter;
}

/** Wraps an exporter to report failed deliveries with the number of their spans: the SDK reports them to its global
 *  logger only. */
function reporting(exporter: Exporter, queue: Queue, failed: (spans: number) => void): Exporter {
  return {
    export(spans, done) {
      queue.length -= spans.length;
      exporter.export(spans, (result) => {
        if (result.code !== 0) failed(spans.length);
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
