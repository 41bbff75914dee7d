/** Serves an app on a port of its own, or on connections that `transport/` has accepted and secured. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ListenError } from './listen-error.ts';
import { createNodeServer, type App, type ServeLimits } from './node-server.ts';
import type { HttpProblem } from '../problem.ts';
import type { Upgrade } from './upgrade.ts';

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

export interface HttpConnections {
  /** Serves a connection with TLS up from which nothing was read. */
  readonly accept: (socket: Socket) => void;
  /** Lets requests finish for `graceMs` milliseconds, then closes the rest. */
  readonly close: (graceMs: number) => Promise<void>;
}

/** Serves HTTP/1.1 on connections that are passed in.
 *  @param refused called for requests that could not be parsed
 *  @param upgrade takes connections over, which are then no longer closed here */
export function httpConnections(
  app: App,
  limits: ServeLimits,
  refused?: (problem: HttpProblem) => void,
  upgrade?: Upgrade,
): HttpConnections {
  const server = createNodeServer(app, limits, refused, upgrade);
  // Node checks for slow headers and bodies only after this event, and this server never listens.
  server.emit('listening');
  const open = new Map<Socket, { readonly gone: Promise<void>; requests: number }>();
  let closing = false;
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = open.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    response.once('close', () => {
      connection.requests -= 1;
      if (closing && connection.requests === 0) socket.destroySoon();
    });
  });
  if (upgrade !== undefined)
    server.on('upgrade', (request: IncomingMessage, stream, head: Buffer) => {
      const socket = stream as Socket;
      open.delete(socket);
      if (closing) socket.destroy();
      else upgrade.take(request, socket, head);
    });
  return {
    accept(socket) {
      if (closing) {
        socket.destroy();
        return;
      }
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      open.set(socket, { gone, requests: 0 });
      socket.once('close', () => {
        open.delete(socket);
        resolve();
      });
      server.emit('connection', socket);
    },
    async close(graceMs) {
      closing = true;
      const ends = [...open.values()].map(({ gone }) => gone);
      for (const [socket, { requests }] of open) if (requests === 0) socket.destroy();
      const cut = setTimeout(() => {
        for (const socket of open.keys()) socket.destroy();
      }, graceMs);
      await Promise.all(ends);
      clearTimeout(cut);
      // The server never listened; this ends its timers.
      server.close(() => {});
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
