/** Node's HTTP server for an app: the limits that it enforces, and the answers when one is exceeded. */
import { createAdaptorServer } from '@hono/node-server';
import { createServer, type Server } from 'node:http';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import { refuseOnSocket } from './refuse.ts';
import type { Upgrade } from './upgrade.ts';

/** Limits on what a caller can make a port hold or wait for before a route sees the request. */
export interface ServeLimits {
  /** Bytes of request line and headers together; more are answered with 431. */
  readonly headerBytesMax: number;
  /** Header fields of one request; more are answered with 431. */
  readonly headersMax: number;
  /** Milliseconds from the first byte of a request to the end of its headers; then 408. */
  readonly headersTimeoutMs: number;
  /** Milliseconds from the first byte of a request to the end of its body; then 408. */
  readonly requestTimeoutMs: number;
  /** Milliseconds between two requests of one connection. */
  readonly keepAliveTimeoutMs: number;
  /** Requests of one connection. The last is answered with `Connection: close`, one more with 503. */
  readonly requestsPerConnectionMax: number;
  /** Simultaneous connections; further ones are closed. */
  readonly connectionsMax: number;
}

export interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** Makes a server that does not listen yet.
 *  @param refused called for requests that could not be parsed and so have no route
 *  @param upgrade without it every request is answered */
export function createNodeServer(
  { fetch }: App,
  limits: ServeLimits,
  refused: (problem: HttpProblem) => void = () => {},
  upgrade?: Upgrade,
): Server {
  const server = createAdaptorServer({
    fetch,
    createServer,
    // By default the adapter replaces the global Request and Response of the process.
    overrideGlobalObjects: false,
    serverOptions: {
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // The latest by which a timeout is noticed.
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      noDelay: true,
      // Older versions of Node pass every such request to the listener.
      ...(upgrade && { shouldUpgradeCallback: upgrade.wanted }),
    },
  }) as Server;
  // One more than allowed: Node drops further ones silently, so the request guard counts and refuses.
  server.maxHeadersCount = limits.headersMax + 1;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  server.maxConnections = limits.connectionsMax;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The caller has left, or has its answer.
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const problem = new HttpProblem(codes[error.code ?? ''] ?? 'ERR_HTTP_MALFORMED');
    refused(problem);
    void refuseOnSocket(problem, socket);
  });
  return server;
}

const codes: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'ERR_HTTP_HEADERS',
  ERR_HTTP_REQUEST_TIMEOUT: 'ERR_HTTP_TIMEOUT',
};
