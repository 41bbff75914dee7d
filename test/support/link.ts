/** A network that fails when told to: TCP connections to a port, passed on byte by byte. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Link {
  readonly port: number;
  /** From now on what clients send is lost on the way, although they think it sent. Ends with the next cut. */
  swallow(): void;
  /** From now on the connections that exist carry nothing, in neither direction, and neither end notices the end of the
   *  other. Ends with the next cut; connections made later are whole. */
  lose(): void;
  /** Ends every connection, on both sides, without a closing tag. */
  cut(): void;
  /** Later connections go to another port. */
  aim(target: number): void;
  close(): Promise<void>;
}

export async function openLink(first: number): Promise<Link> {
  let target = first;
  const sockets = new Set<Socket>();
  const lost = new WeakSet<Socket>();
  let swallowing = false;
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: target, noDelay: true });
    near.on('data', (bytes) => void (swallowing || lost.has(near) || far.write(bytes)));
    far.on('data', (bytes) => void (lost.has(far) || near.write(bytes)));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        if (!lost.has(one)) other.destroy();
      });
    }
  });
  const cut = (): void => {
    swallowing = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    aim: (port) => {
      target = port;
    },
    swallow: () => void (swallowing = true),
    lose() {
      for (const socket of sockets) lost.add(socket);
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
