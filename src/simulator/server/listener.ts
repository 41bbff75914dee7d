/** A port of the server: accepts connections, reads PROXY headers, starts TLS. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { once } from 'node:events';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import { SimulatorError } from '../error.ts';
import type { BoundListener, ListenerOptions, Settings } from './options.ts';
import { takeProxyHeader } from './proxy-header.ts';
import { serverTls } from './server-tls.ts';

export interface Listener {
  readonly bound: BoundListener;
  /** Stops accepting. Sockets still open after `closeTimeoutMs` milliseconds are destroyed, including those in a
   *  handshake. */
  close(): Promise<void>;
}

/** Receives sockets whose next byte is XML: after the PROXY header and, for direct TLS, after the handshake. */
export type Accept = (socket: Socket, proxyHeader: ProxyHeader | undefined) => void;

/** Opens one listener.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` when the address cannot be bound */
export async function listen(
  options: ListenerOptions,
  settings: Settings,
  secureContext: SecureContext,
  accept: Accept,
): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket) => {
    void receive(socket, options, settings, secureContext, accept);
  });
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

async function receive(
  socket: Socket,
  { proxyProtocol = false, tls }: ListenerOptions,
  settings: Settings,
  secureContext: SecureContext,
  accept: Accept,
): Promise<void> {
  const { negotiationTimeoutMs } = settings.limits;
  const header = proxyProtocol ? await takeProxyHeader(socket, negotiationTimeoutMs) : undefined;
  if (socket.destroyed) return;
  if (tls === 'starttls') {
    accept(socket, header);
    // Reading the header has paused the socket.
    socket.resume();
  } else takeTls(socket, settings, secureContext, (secured) => accept(secured, header));
}

/** Starts TLS. A client that offers ALPN must offer `xmpp-client` (XEP-0368 §3); one that offers none is accepted. */
function takeTls(
  socket: Socket,
  settings: Settings,
  secureContext: SecureContext,
  accept: (secured: Socket) => void,
): void {
  const secured = new TLSSocket(socket, {
    ...serverTls(settings, secureContext),
    ALPNProtocols: ['xmpp-client'],
  });
  const cut = (): void => void socket.destroy();
  const timer = setTimeout(cut, settings.limits.negotiationTimeoutMs);
  secured.on('error', cut).on('_tlsError', cut);
  secured.once('close', () => clearTimeout(timer));
  secured.once('secure', () => {
    clearTimeout(timer);
    accept(secured);
  });
}
