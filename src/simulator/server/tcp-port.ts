/** A TCP port of a server of the simulator. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { SimulatorError } from '../error.ts';

export interface TcpPort {
  /** The port in use. */
  readonly port: number;
  /** Stops accepting. Sockets still open after `closeTimeoutMs` milliseconds are destroyed. */
  readonly close: () => Promise<void>;
}

export interface TcpPortLimits {
  readonly connectionsMax: number;
  readonly closeTimeoutMs: number;
}

/** Opens a port.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` when the address cannot be bound */
export async function openTcpPort(
  { host, port }: { readonly host: string; readonly port: number },
  { connectionsMax, closeTimeoutMs }: TcpPortLimits,
  accept: (socket: Socket) => void,
): Promise<TcpPort> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    accept(socket);
  });
  server.maxConnections = connectionsMax;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new SimulatorError('ERR_SIMULATOR_CONNECT', `cannot listen on port ${port}`, { cause });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, closeTimeoutMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** Waits for listeners to open: all of them, or none.
 *  @throws the error of the first that does not open */
export async function allOrNone<Listener extends { close(): Promise<void> }>(
  opening: readonly Promise<Listener>[],
): Promise<readonly Listener[]> {
  const outcomes = await Promise.allSettled(opening);
  const failed = outcomes.find((one) => one.status === 'rejected');
  const listeners = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return listeners;
  await closeAll(listeners);
  throw failed.reason;
}

export async function closeAll(listeners: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}
