/** A place between two parties of a stream over direct TLS where a test reads along: what reaches a server are bytes,
 *  whatever the server makes of them. */
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';

export interface Tap {
  readonly port: number;
  /** What each connection so far has sent to the server, in the order in which they were made. */
  readonly sent: readonly string[];
  close(): Promise<void>;
}

export interface TapOptions {
  /** Loopback port of the server, direct TLS. */
  readonly port: number;
  readonly domain: string;
  /** PEM: what the tap shows as the server's, and the authority that has issued it. */
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export async function openTap({ port, domain, certificate, key, ca }: TapOptions): Promise<Tap> {
  const sent: string[] = [];
  const sockets = new Set<TLSSocket>();
  const keep = (socket: TLSSocket): TLSSocket => {
    sockets.add(socket);
    socket.on('error', () => {});
    return socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer({ cert: certificate, key, ALPNProtocols: ['xmpp-client'] }, (client) => {
    const index = sent.push('') - 1;
    const upstream = keep(
      connect({ host: '127.0.0.1', port, servername: domain, ca, ALPNProtocols: ['xmpp-client'] }),
    );
    keep(client).on('data', (chunk: Buffer) => (sent[index] += chunk.toString()));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sent,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
