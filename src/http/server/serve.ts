/** Serves an app on a port of its own. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListenError } from './listen-error.ts';
import { createNodeServer, type App, type ServeLimits } from './node-server.ts';

/** Limits of the admin port: a few probes and scrapers, small bodies. */
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
  readonly app: App;
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly limits: ServeLimits;
}

export interface Served {
  /** The port in use. */
  readonly port: number;
  /** Stops accepting, lets requests finish for `graceMs` milliseconds, then closes the rest. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** Opens the port and serves.
 *  @throws ListenError */
export async function serveHttp({ app, host, port, limits }: ServeOptions): Promise<Served> {
  const server = createNodeServer(app, limits);
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
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
