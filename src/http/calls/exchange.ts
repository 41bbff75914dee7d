/** Sends one request to a configured party and reads its whole answer. Time and bytes are bounded, redirects are not
 *  followed, and only the named headers are sent. Uses `node:http`, because `fetch` adds headers of its own and
 *  takes no client certificate. */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { ownCopy } from '../../stanza/own-bytes.ts';
import type { OutboundHeaders } from '../headers.ts';
import { SecureAgent } from './secure-agent.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: OutboundHeaders;
  /** Returns more headers, made for the connection that will carry them, once it is secured. */
  readonly headersFor?: (connection: Socket) => Promise<OutboundHeaders>;
  readonly body?: string;
  /** Milliseconds from the start to the last byte of the answer. */
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
  /** `headersFor` has rejected, so nothing was sent. */
  | { readonly kind: 'unsent' };

/** Sends a request. Never rejects: failures are outcomes. */
export type Exchange = (request: ExchangeRequest) => Promise<ExchangeOutcome>;

export interface ExchangeOptions {
  /** Returns trusted authorities and client certificate (mutual TLS), for each new connection. By default the
   *  authorities that come with Node, and no certificate. */
  readonly secureContext?: () => SecureContext;
  /** Most simultaneous connections to one host. */
  readonly connectionsMax?: number;
}

/** Makes an exchange that keeps connections alive. `close` closes the idle ones. */
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
      // The peer closed an idle connection before it read anything, so one more attempt repeats nothing.
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
      resolve({ kind: 'answer', status: statusCode, headers, body: ownCopy(...chunks) });
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

/** Sends a request. Rejects when `headersFor` does. */
async function send(
  outgoing: http.ClientRequest,
  request: ExchangeRequest,
  connection: Socket,
): Promise<void> {
  const headers = (await request.headersFor?.(connection)) ?? {};
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  outgoing.end(request.body);
}

/** Calls `ready` with the connection of a request: a new one once TLS is up, or one that was kept alive. */
function onConnection(outgoing: http.ClientRequest, ready: (connection: Socket) => void): void {
  outgoing.once('socket', (socket: Socket & { readonly encrypted?: boolean }) => {
    if (outgoing.reusedSocket) ready(socket);
    else socket.once(socket.encrypted === true ? 'secureConnect' : 'connect', () => ready(socket));
  });
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}
