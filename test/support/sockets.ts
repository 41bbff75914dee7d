/** Loopback sockets that clean up after themselves. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A plain TCP server on a free port; `accepted` collects its connections. */
export interface Loopback extends AsyncDisposable {
  readonly port: number;
  readonly accepted: Socket[];
  /** The next connection, or the first one that was not asked for yet. */
  next(): Promise<Socket>;
}

/** Listens on 127.0.0.1. Disposing it destroys what it accepted. */
export async function loopback(
  onConnection: (socket: Socket) => void = () => {},
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Loopback> {
  const accepted: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  let handed = 0;
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    accepted.push(socket);
    onConnection(socket);
    if (waiting.length > 0) waiting.shift()!(accepted[handed++]!);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    async next() {
      if (handed < accepted.length) return accepted[handed++]!;
      return new Promise((resolve) => waiting.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of accepted) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A connected pair of TCP sockets. */
export async function socketPair(server: Loopback): Promise<{ near: Socket; far: Socket }> {
  const near = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  near.on('error', () => {});
  await once(near, 'connect');
  return { near, far: await server.next() };
}

/** Everything that a socket says until it ends or closes. */
export async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('end', resolve).once('close', resolve);
  await promise;
  return Buffer.concat(chunks);
}

/** The error that a promise rejects with; fails if it does not. */
export async function rejection<E extends Error>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
  throw new Error(`resolved instead of rejecting with ${type.name}`);
}
