/** One request of ours to a configured party, and its whole answer: bounded in time and bytes, never redirected,
 *  with exactly the headers named here. `node:http` rather than `fetch`, which adds headers of its own and takes
 *  no client certificate. */
import http from 'node:http';
import https from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { OutboundHeaders } from './headers.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: OutboundHeaders;
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
  | { readonly kind: 'unreachable' };

/** Never rejects. */
export type Exchange = (request: ExchangeRequest) => Promise<ExchangeOutcome>;

export interface ExchangeOptions {
  /** Certificate authorities to trust and the client certificate to show (mutual TLS). */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'minVersion'>;
  /** Connections to one host at once. */
  readonly connectionsMax?: number;
}

/** Connections are kept between exchanges; `close` drops the idle ones. */
export function createExchange({ tls = {}, connectionsMax = 64 }: ExchangeOptions = {}): {
  readonly exchange: Exchange;
  readonly close: () => void;
} {
  const keep = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: 8, timeout: 30_000 };
  const agents = {
    'http:': new http.Agent(keep),
    'https:': new https.Agent({ ...keep, minVersion: 'TLSv1.2', ...tls }),
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
  outgoing.end(request.body);
  return promise;
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}
