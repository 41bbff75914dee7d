/** Requests over either version of HTTP, with the same words: what holds for one must hold for the other. */
import https from 'node:https';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectionOptions } from 'node:tls';

export const httpVersions = ['HTTP/1.1', 'HTTP/2'] as const;
export type HttpVersion = (typeof httpVersions)[number];

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: () => Record<string, unknown>;
}

/** A body that is read as it comes. */
export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: NodeJS.ReadableStream & { destroy(): unknown };
}

export interface Requester {
  /** Rejects when the connection or the stream ends before the answer does. */
  readonly request: (sent: Sent) => Promise<Got>;
  /** Resolves with the headers. */
  readonly start: (sent: Sent) => Promise<Incoming>;
  readonly close: () => void;
}

export type Target = ConnectionOptions & { readonly host: string; readonly port: number };

/** Keeps connections open: one of HTTP/2, as many as needed of HTTP/1.1. */
export function openRequester(version: HttpVersion, target: Target): Requester {
  const { start, close } = version === 'HTTP/2' ? overHttp2(target) : overHttp1(target);
  return {
    start,
    close,
    async request(sent) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await collect(await start(sent));
        } catch (error) {
          if (attempt === attemptsMax || !wasNotProcessed(error)) throw error;
        }
      }
    },
  };
}

const attemptsMax = 3;

/** Whether a request may be sent again, since no part of it was processed (RFC 9113 §8.7). */
function wasNotProcessed(error: unknown): boolean {
  return (
    error instanceof StreamRefused ||
    ['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION'].includes(
      (error as NodeJS.ErrnoException).code ?? '',
    )
  );
}

class StreamRefused extends Error {}

function overHttp1(target: Target): Pick<Requester, 'start' | 'close'> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 64 });
  return {
    close: () => agent.destroy(),
    start({ method, path, headers, body }) {
      const { promise, resolve, reject } = Promise.withResolvers<Incoming>();
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const outgoing = https.request(
        { ...target, agent, method, path, headers: { ...length, ...headers } } as https.RequestOptions,
        (incoming) => resolve({ status: incoming.statusCode!, headers: incoming.headers, body: incoming }),
      );
      outgoing.on('error', reject);
      outgoing.end(body);
      return promise;
    },
  };
}

function overHttp2(target: Target): Pick<Requester, 'start' | 'close'> {
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(`https://${target.host}:${target.port}`, { ...target, ALPNProtocols: ['h2'] });
      // Each request reports its own.
      session.on('error', () => {});
    }
    return session;
  };
  return {
    close: () => session?.destroy(),
    start({ method, path, headers, body }) {
      const { promise, resolve, reject } = Promise.withResolvers<Incoming>();
      const { host, ...rest } = headers;
      const stream = current().request(
        {
          ':method': method,
          ':path': path,
          ':authority': host ?? `${target.servername ?? target.host}:${target.port}`,
          ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
          ...rest,
        } satisfies OutgoingHttpHeaders,
        { endStream: body === undefined },
      );
      stream.on('response', ({ ':status': status = 0, ...answered }) =>
        resolve({ status, headers: answered as IncomingHttpHeaders, body: stream }),
      );
      stream.on('error', (error) => reject(refusalOf(stream) ?? error));
      stream.on('close', () => reject(refusalOf(stream) ?? new Error(`ended with ${stream.rstCode}`)));
      if (body !== undefined) stream.end(body);
      return promise;
    },
  };
}

function refusalOf({ rstCode }: ClientHttp2Stream): StreamRefused | undefined {
  return rstCode === constants.NGHTTP2_REFUSED_STREAM ? new StreamRefused() : undefined;
}

function collect({ status, headers, body }: Incoming): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const chunks: Buffer[] = [];
  body.on('data', (chunk: Buffer) => chunks.push(chunk));
  body.on('error', reject);
  body.on('aborted', () => reject(new Error('aborted')));
  body.on('end', () => {
    const whole = Buffer.concat(chunks).toString();
    resolve({ status, headers, body: whole, json: () => JSON.parse(whole) as Record<string, unknown> });
  });
  return promise;
}
