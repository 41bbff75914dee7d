import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Opens a connection to loopback. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return socket.on('error', () => {});
}
