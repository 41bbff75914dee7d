/** A collector: takes OTLP/HTTP with JSON, as the OpenTelemetry protocol specification has it, and keeps the spans. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Collector as Destination } from '../../src/observability/tracing-sdk.ts';

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly events: readonly unknown[];
  readonly links: readonly unknown[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReceivedSpan['attributes'] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly ReceivedSpan[];
    }[];
  }[];
}

export interface Collector {
  readonly endpoint: string;
  /** Method and path of each request. */
  readonly requests: readonly string[];
  /** Headers and bodies of all requests, unchanged. */
  readonly raw: () => string;
  readonly spans: () => readonly ReceivedSpan[];
  readonly resource: () => ReceivedSpan['attributes'];
  readonly close: () => Promise<void>;
}

/** Returns a destination of spans at a base URL, with defaults for the rest. */
export function destination(endpoint: string, more: Partial<Destination> = {}): Destination {
  return { endpoint, headers: {}, authorities: undefined, sampleRatio: 1, resource: {}, ...more };
}

/** @param status what every export is answered with.
 *  @param tls certificate chain and key in PEM form; without them the collector speaks plain HTTP. */
export async function openCollector(
  status = 200,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Collector> {
  const requests: string[] = [];
  const exports: Export[] = [];
  let raw = '';
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      raw += `${request.rawHeaders.join('\n')}\n${body}\n`;
      exports.push(JSON.parse(body) as Export);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const all = (): Export['resourceSpans'][number][] =>
    exports.flatMap(({ resourceSpans }) => [...resourceSpans]);
  return {
    endpoint: `http${tls === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    raw: () => raw,
    spans: () => all().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => [...spans])),
    resource: () => all().flatMap(({ resource }) => [...resource.attributes]),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
