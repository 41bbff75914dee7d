/** Node's HTTP server for an app: the limits that it enforces, and the answers when one is exceeded. */
import { getRequestListener, RequestError } from '@hono/node-server';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpEnv } from '../env.ts';
import { HttpProblem, renderProblem, type ProblemCode } from '../problem.ts';
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
  readonly fetch: (request: Request, env?: HttpEnv['Bindings']) => Response | Promise<Response>;
}

type Bindings = HttpEnv['Bindings'];

/** Returns a listener for the requests of Node's servers that calls the app.
 *  @param connectionOf returns the connection of a request
 *  @param refused called for requests that are no request of fetch, such as one with an impossible host */
export function requestListener(
  { fetch }: App,
  connectionOf: (incoming: Bindings['incoming']) => Socket,
  refused: (problem: HttpProblem) => void,
): (incoming: Bindings['incoming'], outgoing: Bindings['outgoing']) => void {
  const listener = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as Bindings;
      return fetch(request, { incoming, outgoing, connection: connectionOf(incoming) });
    },
    {
      // By default the adapter replaces the global Request and Response of the process.
      overrideGlobalObjects: false,
      errorHandler: (error) => {
        const problem = new HttpProblem(
          error instanceof RequestError ? 'ERR_HTTP_MALFORMED' : 'ERR_INTERNAL',
        );
        refused(problem);
        return renderProblem(problem);
      },
    },
  );
  return (incoming, outgoing) => void listener(incoming, outgoing);
}

/** Makes a server that does not listen yet.
 *  @param refused called for requests that could not be parsed and so have no route
 *  @param upgrade without it every request is answered
 *  @param connectionOf returns the connection of a request */
export function createNodeServer(
  app: App,
  limits: ServeLimits,
  refused: (problem: HttpProblem) => void = () => {},
  upgrade?: Upgrade,
  connectionOf: (incoming: Bindings['incoming']) => Socket = ({ socket }) => socket,
): Server {
  const server = createServer(
    {
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
    requestListener(app, connectionOf, refused),
  );
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
