/** Puts an app on a port, with every wait and size bounded. */
import { createAdaptorServer } from '@hono/node-server';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListenError } from './listen-error.ts';

/** What a caller can make the port hold or wait for. */
export interface ServeLimits {
  /** Request line and headers together, in bytes; more is answered 431. */
  readonly headerBytesMax: number;
  /** Header fields of one request; those beyond are not looked at. */
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

/** For the admin port: a few probes and scrapers, no bodies. */
export const adminServeLimits: ServeLimits = {
  headerBytesMax: 8_192,
  headersMax: 50,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 15_000,
  requestsPerConnectionMax: 1_000,
  connectionsMax: 64,
};

export interface ServeOptions {
  readonly app: { readonly fetch: (request: Request) => Response | Promise<Response> };
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly limits: ServeLimits;
}

export interface Served {
  /** The port in use. */
  readonly port: number;
  /** Takes no new connections, lets requests finish for `graceMs`, then cuts the rest. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** Opens the port.
 *  @throws ListenError */
export async function serveHttp({ app, host, port, limits }: ServeOptions): Promise<Served> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    createServer,
    // The adapter would replace the global Request and Response of the whole process.
    overrideGlobalObjects: false,
    serverOptions: {
      requireHostHeader: true,
      insecureHTTPParser: false,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // How late a timeout may be noticed.
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    },
  }) as Server;
  server.maxHeadersCount = limits.headersMax;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  server.maxConnections = limits.connectionsMax;
  await listen(server, host, port);
  return { port: (server.address() as AddressInfo).port, close: (graceMs) => close(server, graceMs) };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(new ListenError(error, { host, port }));
    server.once('error', refuse);
    server.listen({ host, port }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
