/** Node's HTTP server for an app: the limits it keeps itself, and what it answers when one is reached. */
import { createAdaptorServer } from '@hono/node-server';
import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpProblem, renderProblem, type ProblemCode } from '../problem.ts';

/** What a caller can make a port hold or wait for before a route sees the request. */
export interface ServeLimits {
  /** Request line and headers together, in bytes; more is answered 431. */
  readonly headerBytesMax: number;
  /** Header fields of one request; more are answered 431. */
  readonly headersMax: number;
  /** From the first byte of a request to the end of its headers; then 408. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body; then 408. */
  readonly requestTimeoutMs: number;
  /** Between two requests of one connection. */
  readonly keepAliveTimeoutMs: number;
  /** Requests of one connection; the last is answered with `Connection: close`, one more with 503. */
  readonly requestsPerConnectionMax: number;
  /** Connections at once; further ones are closed. */
  readonly connectionsMax: number;
}

export interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** @param refused hears of requests that could not be read, so that no route saw them.
 *  @returns a server that does not listen yet. */
export function createNodeServer(
  { fetch }: App,
  limits: ServeLimits,
  refused: (problem: HttpProblem) => void = () => {},
): Server {
  const server = createAdaptorServer({
    fetch,
    createServer,
    // The adapter would replace the global Request and Response of the whole process.
    overrideGlobalObjects: false,
    serverOptions: {
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // How late a timeout may be noticed.
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      noDelay: true,
    },
  }) as Server;
  // One more than allowed, because Node drops the rest unseen: the request guard counts and refuses.
  server.maxHeadersCount = limits.headersMax + 1;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  server.maxConnections = limits.connectionsMax;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The caller is gone, or has its answer.
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const problem = new HttpProblem(codes[error.code ?? ''] ?? 'ERR_HTTP_MALFORMED');
    refused(problem);
    void refuse(problem, socket);
  });
  return server;
}

const codes: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'ERR_HTTP_HEADERS',
  ERR_HTTP_REQUEST_TIMEOUT: 'ERR_HTTP_TIMEOUT',
};

/** Answers and closes: after a request that cannot be read, the start of the next one is unknown. */
async function refuse(problem: HttpProblem, socket: Duplex): Promise<void> {
  const answer = renderProblem(problem);
  const body = await answer.text();
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    ...[...answer.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
