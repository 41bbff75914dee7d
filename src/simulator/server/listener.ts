import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { once } from 'node:events';
import { SimulatorError } from '../error.ts';
import type { BoundListener, ListenerOptions, Settings } from './options.ts';

export interface Listener {
  readonly bound: BoundListener;
  /** Stops accepting; sockets still there after `closeTimeoutMs` are cut, handshakes under way included. */
  close(): Promise<void>;
}

/** Opens one listener. `accept` gets sockets whose first byte is XML: after the TLS handshake, for direct TLS.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` when the address cannot be bound. */
export async function listen(
  options: ListenerOptions,
  settings: Settings,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const server =
    options.tls === 'direct'
      ? createDirectTlsServer(settings, accept)
      : createServer({ noDelay: true }, accept);
  const sockets = new Set<Socket>();
  server.maxConnections = settings.limits.connectionsMax;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const message = `cannot listen on port ${options.port}`;
    throw new SimulatorError('ERR_SIMULATOR_CONNECT', message, { cause });
  }
  return {
    bound: { ...options, port: (server.address() as AddressInfo).port },
    close: () => closeServer(server, sockets, settings.limits.closeTimeoutMs),
  };
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(cut);
}

/** A client that offers ALPN must offer `xmpp-client` (XEP-0368 §3); one that offers none is let in. */
function createDirectTlsServer({ certificate, limits }: Settings, accept: (socket: Socket) => void): Server {
  return createTlsServer(
    {
      noDelay: true,
      cert: certificate.certificate,
      key: certificate.key,
      ALPNProtocols: ['xmpp-client'],
      handshakeTimeout: limits.negotiationTimeoutMs,
    },
    accept,
  );
}
