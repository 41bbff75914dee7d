/** Accepts connections of a proxy over direct TLS, and leaves all that a gatekeeper sends to a script: it can grant
 *  every authentication, and send stanzas that no real server would. */
import { createServer, type AddressInfo } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { End } from './end.ts';

export interface ScriptedGatekeeper {
  readonly port: number;
  /** Every byte that it received on all connections, in order per connection. */
  readonly received: readonly Buffer[];
  /** Resolves with the next connection that the proxy opens. */
  next(): Promise<End>;
  close(): Promise<void>;
}

/** Listens on a free port.
 *  @param pair certificate and key in PEM form */
export async function startScriptedGatekeeper(
  pair: { readonly certificate: string; readonly key: string },
  host: string,
): Promise<ScriptedGatekeeper> {
  const received: Buffer[] = [];
  const ends: End[] = [];
  const arrived: End[] = [];
  const waiting: ((end: End) => void)[] = [];
  const secureContext = createSecureContext({ cert: pair.certificate, key: pair.key });
  const server = createServer({ allowHalfOpen: true }, (tcp) => {
    tcp.on('error', () => {});
    const options = { isServer: true, secureContext, ALPNProtocols: Buffer.from('\u000bxmpp-client') };
    const end = new End(new TLSSocket(tcp, options), received);
    ends.push(end);
    const taker = waiting.shift();
    if (taker === undefined) arrived.push(end);
    else taker(end);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    next() {
      const end = arrived.shift();
      return end === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(end);
    },
    close() {
      for (const end of ends) end.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
