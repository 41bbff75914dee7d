/** Sockets: everything that touches one is in this folder. It listens, takes TLS as server (RFC 6120 §5,
 *  XEP-0368), dials gatekeepers and ends connections properly; it knows no sessions and reads no configuration.
 *  It may import stanza/, stream/, signals/ and observability/.
 *
 *  This file accepts: the first thing that happens to a connection. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Admission, RefusalCode } from './admission.ts';
import { SetupError, systemCode } from './error.ts';

/** Where to listen: an address, or a descriptor that is already bound (whoever bound it could set socket options
 *  that must be there before the first SYN). */
export type ListenTarget =
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | { readonly kind: 'descriptor'; readonly fd: number };

/** Options of a listener. */
export interface ListenOptions {
  readonly target: ListenTarget;
  /** Connections the kernel holds before they are accepted. Default 511. */
  readonly backlog?: number;
  /** Limits, shared with other listeners. */
  readonly admission: Admission;
  /** Whether the peer's address is the client's. False behind a load balancer: then only the total counts here.
   *  Default true. */
  readonly countAddresses?: boolean;
  /** Called in the turn in which the connection was accepted, before anything is read from it. The socket sends
   *  without delay and stays writable when the peer ends its half. */
  readonly onConnection: (socket: Socket) => void;
  /** Called for each connection that was closed at once. */
  readonly onRefused: (code: RefusalCode) => void;
}

/** A bound listener. */
export interface Listener {
  /** The address, with the port that port 0 became. */
  readonly address: AddressInfo;
  /** Stops accepting, frees the port and leaves live connections alone. Resolves when the port is free. */
  stop(): Promise<void>;
}

/** Binds and listens.
 *  @throws SetupError ERR_PORT_IN_USE, ERR_PORT_PERMISSION, ERR_ADDRESS_NOT_AVAILABLE, ERR_LISTEN */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  server.on('connection', (socket) => admit(socket, options));
  await bind(server, options);
  return { address: server.address() as AddressInfo, stop: () => stop(server) };
}

function admit(
  socket: Socket,
  { admission, countAddresses = true, onConnection, onRefused }: ListenOptions,
): void {
  // A peer that is gone already has no address, and no use for a slot.
  if (socket.remoteAddress === undefined) {
    socket.destroy();
    return;
  }
  const answer = admission.admit(countAddresses ? socket.remoteAddress : undefined);
  if (answer.kind === 'refused') {
    socket.destroy();
    onRefused(answer.code);
    return;
  }
  socket.once('close', answer.release);
  onConnection(socket);
}

function bind(server: Server, { target, backlog = 511 }: ListenOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (error: Error): void => reject(listenError(error, target));
  server.once('error', failed);
  server.listen(
    target.kind === 'descriptor'
      ? { fd: target.fd, backlog }
      : { host: target.host, port: target.port, backlog },
    () => {
      server.off('error', failed);
      // Out of descriptors, say: that one connection is lost, the listener goes on.
      server.on('error', () => {});
      resolve();
    },
  );
  return promise;
}

function stop(server: Server): Promise<void> {
  // `close` calls back only when the last connection has ended. The port itself is free one turn later.
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

function listenError(error: Error, target: ListenTarget): SetupError {
  const code = systemCode(error);
  const where =
    target.kind === 'descriptor' ? `descriptor ${target.fd}` : `port ${target.port} on ${target.host}`;
  switch (code) {
    case 'EADDRINUSE':
      return new SetupError(
        'ERR_PORT_IN_USE',
        `another process listens to ${where}`,
        'Stop it (ss -ltnp shows it) or choose another port',
      );
    case 'EACCES':
    case 'EPERM':
      return new SetupError(
        'ERR_PORT_PERMISSION',
        `the process may not listen to ${where}`,
        'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new SetupError(
        'ERR_ADDRESS_NOT_AVAILABLE',
        `this machine has no such address: ${where} (${code})`,
        'Give an address of one of its interfaces, or 0.0.0.0 or :: for all',
      );
    default:
      return new SetupError('ERR_LISTEN', `cannot listen to ${where} (${code})`, 'Check host and port');
  }
}
