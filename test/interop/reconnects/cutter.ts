/** A place between clients and a server over direct TLS that ends connections in every way in which a client can be asked
 *  to connect again, and reads what the client does then. The server only sees its connection lost. */
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import type { TapOptions } from '../../support/tap.ts';

/** What a client is sent before its connection ends. */
export type Farewell =
  | 'TCP reset'
  | 'end of the connection'
  | '`</stream:stream>`'
  | '`reset`'
  | '`system-shutdown`'
  | '`see-other-host`'
  | '`conflict`'
  | '`connection-timeout`';

export const farewells: readonly Farewell[] = [
  'TCP reset',
  'end of the connection',
  '`</stream:stream>`',
  '`reset`',
  '`system-shutdown`',
  '`connection-timeout`',
  '`see-other-host`',
  '`conflict`',
];

/** One connection of a client. */
export interface CutConnection {
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** What the client and the server have sent. */
  readonly sent: () => string;
  readonly received: () => string;
  /** Ends it for the client as `farewell` says; the server loses it at once. */
  readonly end: (farewell: Farewell) => void;
}

export interface Cutter {
  readonly port: number;
  /** In the order in which they were made. */
  readonly connections: readonly CutConnection[];
  close(): Promise<void>;
}

export async function openCutter(options: TapOptions): Promise<Cutter> {
  const connections: CutConnection[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((tcp) => {
    sockets.add(tcp.once('close', () => sockets.delete(tcp)));
    connections.push(join(tcp, options, (server.address() as AddressInfo).port));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function join(tcp: Socket, { port, domain, certificate, key, ca }: TapOptions, own: number): CutConnection {
  let sent = '';
  let received = '';
  const secureContext = createSecureContext({ cert: certificate, key });
  const client = new TLSSocket(tcp, { isServer: true, secureContext, ALPNProtocols: ['xmpp-client'] });
  const upstream = connectTcp({ host: '127.0.0.1', port });
  const server = connect({ socket: upstream, servername: domain, ca, ALPNProtocols: ['xmpp-client'] });
  for (const socket of [tcp, client, upstream, server]) socket.on('error', () => {});
  client.on('data', (chunk: Buffer) => {
    sent += chunk.toString();
    server.write(chunk);
  });
  const pass = (chunk: Buffer): void => {
    received += chunk.toString();
    client.write(chunk);
  };
  server.on('data', pass);
  client.on('close', () => upstream.destroy());
  server.on('close', () => client.end());
  return {
    startedAt: performance.now(),
    sent: () => sent,
    received: () => received,
    end(farewell) {
      server.off('data', pass);
      server.removeAllListeners('close');
      upstream.destroy();
      if (farewell === 'TCP reset') tcp.resetAndDestroy();
      else client.end(lastWords(farewell, `${domain}:${own}`));
    },
  };
}

/** Returns what the client is sent, '' for nothing.
 *  @param address of this place, for clients that go where they are sent */
function lastWords(farewell: Farewell, address: string): string {
  if (farewell === 'end of the connection' || farewell === 'TCP reset') return '';
  if (farewell === '`</stream:stream>`') return '</stream:stream>';
  const condition = farewell.slice(1, -1);
  const other = condition === 'see-other-host' ? address : '';
  const error = `<${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'>${other}</${condition}>`;
  return `<stream:error>${error}</stream:error></stream:stream>`;
}
