/** A port of the server: accepts connections, reads PROXY headers, starts TLS. */
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import type { BoundListener, ListenerOptions, Settings } from './options.ts';
import { takeProxyHeader } from './proxy-header.ts';
import { serverTls } from './server-tls.ts';
import { openTcpPort, type TcpPort } from './tcp-port.ts';

/** A port; closing it destroys sockets in a handshake too. */
export interface Listener extends Pick<TcpPort, 'close'> {
  readonly bound: BoundListener;
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
  const { port, close } = await openTcpPort(options, settings.limits, (socket) => {
    void receive(socket, options, settings, secureContext, accept);
  });
  return { bound: { ...options, port }, close };
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
