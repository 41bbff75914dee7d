/** Serves an app on connections that `transport/` has accepted and secured: over HTTP/2 where ALPN chose it, otherwise
 *  over HTTP/1.1. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { http2Connections, type Http2Options } from './http2/connections.ts';
import { createNodeServer } from './node-server.ts';
import { Http1Socket } from './paced-socket.ts';
import type { Upgrade } from './upgrade.ts';

export interface HttpConnections {
  /** Serves a connection with TLS up from which nothing was read. */
  readonly accept: (socket: TLSSocket) => void;
  /** Lets requests finish for `graceMs` milliseconds, then closes the rest. */
  readonly close: (graceMs: number) => Promise<void>;
}

export interface HttpConnectionsOptions extends Http2Options {
  /** Takes connections of HTTP/1.1 over, which are then no longer closed here. */
  readonly upgrade?: Upgrade | undefined;
}

export function httpConnections(options: HttpConnectionsOptions): HttpConnections {
  const http1 = http1Connections(options);
  const http2 = http2Connections(options);
  return {
    accept(socket) {
      // It may fail before its turn.
      socket.on('error', () => {});
      options.share.run(() => {
        if (!socket.destroyed) (socket.alpnProtocol === 'h2' ? http2 : http1).accept(socket);
      });
    },
    close: async (graceMs) => {
      await Promise.all([http1.close(graceMs), http2.close(graceMs)]);
    },
  };
}

function connectionOf({ socket }: { readonly socket: unknown }): Socket {
  return (socket as Http1Socket).connection;
}

function http1Connections({ app, limits, share, refused, upgrade }: HttpConnectionsOptions): HttpConnections {
  const server = createNodeServer(app, limits, refused, upgrade, connectionOf);
  // Node checks for slow headers and bodies only after this event, and this server never listens.
  server.emit('listening');
  const open = new Map<Duplex, { readonly gone: Promise<void>; requests: number }>();
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
    server.on('upgrade', (request: IncomingMessage, paced: Duplex, head: Buffer) => {
      open.delete(paced);
      const socket = (paced as Http1Socket).connection;
      const rest = (paced as Http1Socket).release();
      if (closing) socket.destroy();
      else upgrade.take(request, socket, Buffer.concat([head, rest]));
    });
  return {
    accept(socket) {
      if (closing) {
        socket.destroy();
        return;
      }
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      const paced = new Http1Socket(socket, share);
      open.set(paced, { gone, requests: 0 });
      socket.once('close', () => {
        open.delete(paced);
        resolve();
      });
      server.emit('connection', paced);
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
