import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  "to='localhost' version='1.0'>";

/** A client made of bytes: logged in over direct TLS, it sends and reads what the test wants. */
export interface RawClient {
  readonly socket: TLSSocket;
  /** What TLS runs on: resetting it needs no TLS. */
  readonly tcp: Socket;
  /** Everything received since login, as latin1. */
  received(): string;
  /** Resolves when the text has been received. */
  until(text: string, timeoutMs?: number): Promise<void>;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
}

export async function logInRaw(port: number, ca: string): Promise<RawClient> {
  const tcp = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const socket = connect({ socket: tcp, ca, servername: 'localhost', ALPNProtocols: ['xmpp-client'] });
  tcp.on('error', () => {});
  let heard = '';
  const waiters = new Set<() => void>();
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
    for (const waiter of waiters) waiter();
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const until = (text: string, timeoutMs = 5_000): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiters.delete(look);
        reject(new Error(`"${text}" did not come within ${timeoutMs} ms; heard ${heard.slice(-300)}`));
      }, timeoutMs);
      const look = (): void => {
        if (!heard.includes(text)) return;
        clearTimeout(timer);
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  socket.write(header);
  await until('</stream:features>');
  heard = '';
  socket.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>");
  await until('<success');
  heard = '';
  socket.write(header);
  await until('<stream:features/>');
  // What the gatekeeper says next may have come with it.
  heard = heard.slice(heard.indexOf('<stream:features/>') + '<stream:features/>'.length);
  return { socket, tcp, received: () => heard, until, closed };
}
