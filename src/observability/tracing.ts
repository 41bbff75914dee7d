/** Traces: spans of a session's life. A facade over the OpenTelemetry API whose names and attributes come from a
 *  closed table (`span-table.ts`), without free text. */
import { ProxyTracerProvider, ROOT_CONTEXT, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { Context, Span as ApiSpan } from '@opentelemetry/api';
import type { StreamErrorCode } from '../errors/stream.ts';
import { isStreamErrorCode } from '../errors/stream.ts';
import { traceId, type TraceId } from './identifiers.ts';
import { allowedFields } from './field.ts';
import type { Collector, Sdk, SdkOptions } from './tracing-sdk.ts';
import { type SpanAttributes, type SpanName, spanAttributes } from './span-table.ts';

/** A step of a session; ended exactly once. */
export interface Span {
  /** Id of the trace it belongs to; undefined where nothing is recorded. */
  readonly traceId: TraceId | undefined;
  /** Starts a child step. */
  readonly child: (name: Exclude<SpanName, 'session'>, attributes?: SpanAttributes) => Span;
  readonly set: (attributes: SpanAttributes) => void;
  /** Marks the step as failed, with this code. */
  readonly fail: (code: StreamErrorCode) => void;
  readonly end: () => void;
}

export interface Tracing {
  /** Starts the trace of a session. */
  readonly session: (attributes?: SpanAttributes) => Span;
  /** Records an HTTP request that ended now.
   *  @param milliseconds since it began */
  readonly request: (attributes: SpanAttributes, milliseconds: number) => void;
  /** Returns how many spans wait for delivery. */
  readonly waiting: () => number;
  /** Delivers waiting spans, and stops. */
  readonly shutdown: () => Promise<void>;
}

export interface TracingOptions extends Omit<SdkOptions, 'collector'> {
  /** Without one nothing is recorded and no SDK is loaded. */
  readonly collector: Collector | undefined;
}

/** Opens tracing.
 *  @throws TracingError when an endpoint is given and the SDK is not installed. */
export async function openTracing({ collector, ...options }: TracingOptions): Promise<Tracing> {
  if (collector === undefined)
    return facade({
      tracer: new ProxyTracerProvider().getTracer('narthex'),
      waiting: () => 0,
      shutdown: async () => {},
    });
  const { loadSdk } = await import('./tracing-sdk.ts');
  return facade(await loadSdk({ collector, ...options }));
}

function facade({ tracer, waiting, shutdown }: Sdk): Tracing {
  return {
    session: (attributes) => start(tracer, 'session', ROOT_CONTEXT, attributes),
    request(attributes, milliseconds) {
      const startTime = Date.now() - milliseconds;
      const span = tracer.startSpan('request', { root: true, startTime }, ROOT_CONTEXT);
      if (!span.isRecording()) return;
      for (const [key, value] of Object.entries(allowedFields(spanAttributes, attributes)))
        span.setAttribute(`narthex.${key}`, value);
      if (attributes.problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
    waiting,
    shutdown,
  };
}

function start(tracer: Tracer, name: SpanName, parent: Context, attributes: SpanAttributes = {}): Span {
  const span: ApiSpan = tracer.startSpan(name, { root: name === 'session' }, parent);
  const set = (values: SpanAttributes): void => {
    if (!span.isRecording()) return;
    for (const [key, value] of Object.entries(allowedFields(spanAttributes, values)))
      span.setAttribute(`narthex.${key}`, value);
  };
  set(attributes);
  return {
    traceId: span.isRecording() ? traceId(span.spanContext().traceId) : undefined,
    child: (step, values) => start(tracer, step, trace.setSpan(parent, span), values),
    set,
    fail(code) {
      set({ code });
      // The status has a text, which is a code.
      if (isStreamErrorCode(code)) span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    },
    end: () => span.end(),
  };
}
