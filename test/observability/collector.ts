/** A collector: takes OTLP/HTTP with JSON, as the OpenTelemetry protocol specification has it, and keeps the spans. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/** @param status what every export is answered with. */
export async function openCollector(status = 200): Promise<Collector> {
  const requests: string[] = [];
  const exports: Export[] = [];
  let raw = '';
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      raw += `${request.rawHeaders.join('\n')}\n${body}\n`;
      exports.push(JSON.parse(body) as Export);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const all = (): Export['resourceSpans'][number][] =>
    exports.flatMap(({ resourceSpans }) => [...resourceSpans]);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    raw: () => raw,
    spans: () => all().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => [...spans])),
    resource: () => all().flatMap(({ resource }) => [...resource.attributes]),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
