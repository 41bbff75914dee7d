import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../../../src/simulator/client.ts';
import { domain, type startGatekeeper } from './gatekeeper.ts';

/** Stands between clients and a gatekeeper over direct TLS and changes what the clients write. Each stanza is written
 *  at once, so a read is one: a harness for tests, and what a product must not rely on. */
export async function interpose(
  gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>,
  change: (text: string) => string,
): Promise<{ readonly endpoint: Endpoint; close(): Promise<void> }> {
  const { certificate, key } = gatekeeper.authority.issue([domain]);
  const target = gatekeeper.endpoints.direct;
  const sockets = new Set<TLSSocket>();
  const server = createServer({ cert: certificate, key, ALPNProtocols: ['xmpp-client'] }, (client) => {
    const upstream = connect({ ...target, servername: domain, ALPNProtocols: ['xmpp-client'] });
    client.on('data', (bytes: Buffer) => void upstream.write(change(bytes.toString())));
    upstream.on('data', (bytes: Buffer) => void client.write(bytes));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.end());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: { ...target, port: (server.address() as AddressInfo).port },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
