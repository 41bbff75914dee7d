/** Puts an app on a port, with every wait and size bounded. */
import { createAdaptorServer } from '@hono/node-server';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/** Why a port could not be opened. ERRORS.md is checked against this table. */
export const listenErrors = {
  ERR_PORT_IN_USE: {
    cause: 'Another process, or another part of this one, listens on the port already.',
    wayOut: 'Stop it (`ss -ltnp` shows which it is), or choose another port.',
  },
  ERR_PORT_FORBIDDEN: {
    cause: 'The system does not let this user open the port.',
    wayOut: 'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE.',
  },
  ERR_ADDRESS_NOT_AVAILABLE: {
    cause: 'The address is none of this machine.',
    wayOut: 'Use an address of the machine, or `::` or `0.0.0.0` for all.',
  },
  ERR_LISTEN: {
    cause: 'The port could not be opened for a rarer reason.',
    wayOut: 'The errno beside the message tells more.',
  },
} as const satisfies Readonly<Record<string, { cause: string; wayOut: string }>>;

export type ListenErrorCode = keyof typeof listenErrors;

export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;
  readonly host: string;
  readonly port: number;

  /** @param where as configured. */
  constructor(cause: NodeJS.ErrnoException, where: { readonly host: string; readonly port: number }) {
    super(`cannot listen on ${where.host} port ${where.port} (${cause.code ?? 'unknown reason'})`, { cause });
    this.code = codes[cause.code ?? ''] ?? 'ERR_LISTEN';
    this.host = where.host;
    this.port = where.port;
  }
}

const codes: Readonly<Record<string, ListenErrorCode>> = {
  EADDRINUSE: 'ERR_PORT_IN_USE',
  EACCES: 'ERR_PORT_FORBIDDEN',
  EADDRNOTAVAIL: 'ERR_ADDRESS_NOT_AVAILABLE',
  EAFNOSUPPORT: 'ERR_ADDRESS_NOT_AVAILABLE',
  ENOTFOUND: 'ERR_ADDRESS_NOT_AVAILABLE',
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
