/** One request of ours to a configured party, and its whole answer: bounded in time and bytes, never redirected,
 *  with exactly the headers named here. `node:http` rather than `fetch`, which adds headers of its own and takes
 *  no client certificate. */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { OutboundHeaders } from '../headers.ts';
import { SecureAgent } from './secure-agent.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: OutboundHeaders;
  /** More headers, made for the very connection they leave on, once it is there and secured. */
  readonly headersFor?: (connection: Socket) => Promise<OutboundHeaders>;
  readonly body?: string;
  /** From the start to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
}

export type ExchangeOutcome =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: http.IncomingHttpHeaders;
      readonly body: Buffer;
    }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'unreachable' }
  /** `headersFor` failed: nothing was sent. */
  | { readonly kind: 'unsent' };

/** Never rejects. */
export type Exchange = (request: ExchangeRequest) => Promise<ExchangeOutcome>;

export interface ExchangeOptions {
  /** Whom to trust and what to show (mutual TLS): asked for each new connection. By default the authorities that
   *  come with Node, and no certificate. */
  readonly secureContext?: () => SecureContext;
  /** Connections to one host at once. */
  readonly connectionsMax?: number;
}

/** Connections are kept between exchanges; `close` drops the idle ones. */
export function createExchange({ secureContext, connectionsMax = 64 }: ExchangeOptions = {}): {
  readonly exchange: Exchange;
  readonly close: () => void;
} {
  const keep = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: 8, timeout: 30_000 };
  const agents = {
    'http:': new http.Agent(keep),
    'https:': new SecureAgent({ ...keep, minVersion: 'TLSv1.2' }, secureContext),
  };
  return {
    exchange: async (request) => {
      const signal = AbortSignal.timeout(request.timeoutMs);
      const first = await attempt(request, agents, signal);
      // The other side closed an idle connection as we wrote on it: nothing was read, so ask again, once.
      const outcome = first.kind === 'stale-connection' ? await attempt(request, agents, signal) : first;
      return outcome.kind === 'stale-connection' ? { kind: 'unreachable' } : outcome;
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

type Attempt = ExchangeOutcome | { readonly kind: 'stale-connection' };

function attempt(
  request: ExchangeRequest,
  agents: Readonly<Record<'http:' | 'https:', http.Agent>>,
  signal: AbortSignal,
): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const secure = request.url.protocol === 'https:';
  const outgoing = (secure ? https : http).request(request.url, {
    method: request.method,
    headers: { ...request.headers, ...lengthOf(request.body) },
    agent: agents[secure ? 'https:' : 'http:'],
    signal,
  });
  const fail = (): void => {
    if (signal.aborted) resolve({ kind: 'timeout' });
    else resolve({ kind: outgoing.reusedSocket ? 'stale-connection' : 'unreachable' });
  };
  outgoing.on('error', fail);
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= request.answerBytesMax) return;
      resolve({ kind: 'too-large' });
      outgoing.destroy();
    });
    incoming.on('error', () => resolve({ kind: signal.aborted ? 'timeout' : 'unreachable' }));
    incoming.on('end', () => {
      const { statusCode = 0, headers } = incoming;
      resolve({ kind: 'answer', status: statusCode, headers, body: Buffer.concat(chunks) });
    });
  });
  onConnection(outgoing, (connection) => {
    send(outgoing, request, connection).catch(() => {
      resolve({ kind: 'unsent' });
      outgoing.destroy();
    });
  });
  return promise;
}

/** @throws whatever `headersFor` throws. */
async function send(
  outgoing: http.ClientRequest,
  request: ExchangeRequest,
  connection: Socket,
): Promise<void> {
  const headers = (await request.headersFor?.(connection)) ?? {};
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  outgoing.end(request.body);
}

/** The connection a request leaves on: a new one when it is up, with TLS if it has TLS; or a kept one. */
function onConnection(outgoing: http.ClientRequest, ready: (connection: Socket) => void): void {
  outgoing.once('socket', (socket: Socket & { readonly encrypted?: boolean }) => {
    if (outgoing.reusedSocket) ready(socket);
    else socket.once(socket.encrypted === true ? 'secureConnect' : 'connect', () => ready(socket));
  });
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}
