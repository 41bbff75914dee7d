import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** A client made of bytes: it sends and reads what the test wants. */
export interface RawClient {
  readonly socket: TLSSocket;
  /** What TLS runs on: resetting it needs no TLS. */
  readonly tcp: Socket;
  /** Everything received since login, or since what was last forgotten, as latin1. */
  received(): string;
  /** Forgets what was received, up to the end of this. */
  forget(text?: string | RegExp): void;
  /** Resolves when this has been received. */
  until(text: string | RegExp, timeoutMs?: number): Promise<void>;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
}

export interface RawClientOptions {
  /** In TLS. Default: `localhost`. */
  readonly servername?: string;
  /** An address of the loopback to come from. */
  readonly localAddress?: string;
}

/** A stream header (RFC 6120 §4.7). @param more attributes, each with a space before it */
export const streamHeader = (to = 'localhost', more = ''): string =>
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  `to='${to}' version='1.0'${more}>`;

/** Direct TLS, and nothing said in it yet. */
export function connectRaw(
  port: number,
  ca: string,
  { servername = 'localhost', localAddress }: RawClientOptions = {},
): RawClient {
  const from = localAddress === undefined ? {} : { localAddress };
  const tcp = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true, ...from });
  const socket = connect({ socket: tcp, ca, servername, ALPNProtocols: ['xmpp-client'] });
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
  const until = (text: string | RegExp, timeoutMs = 60_000): Promise<void> =>
    new Promise((resolve, reject) => {
      const missed = (when: string): void => {
        clearTimeout(timer);
        waiters.delete(look);
        reject(new Error(`"${String(text)}" did not come ${when}; heard ${heard.slice(-300)}`));
      };
      const timer = setTimeout(() => missed(`within ${timeoutMs} ms`), timeoutMs);
      const look = (): void => {
        if (endOf(text, heard) === -1) return;
        clearTimeout(timer);
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
      void closed.then(() => missed('before the end'));
    });
  const forget = (text?: string | RegExp): void => {
    heard = text === undefined ? '' : heard.slice(endOf(text, heard));
  };
  return { socket, tcp, received: () => heard, forget, until, closed };
}

/** Where the first occurrence ends; -1 without one. */
function endOf(wanted: string | RegExp, text: string): number {
  if (typeof wanted !== 'string') {
    const found = wanted.exec(text);
    return found === null ? -1 : found.index + found[0].length;
  }
  const at = text.indexOf(wanted);
  return at === -1 ? -1 : at + wanted.length;
}

export interface LoginOptions extends RawClientOptions {
  readonly to?: string;
  /** More of the stream header. */
  readonly header?: string;
  /** Default: what only a raw gatekeeper takes. */
  readonly username?: string;
  readonly password?: string;
}

const features = /<stream:features\/>|<\/stream:features>/;

/** A client that has been let in and has bound nothing yet. */
export async function logInRaw(port: number, ca: string, options: LoginOptions = {}): Promise<RawClient> {
  const { to, header, username = 'a', password = 'b' } = options;
  const client = connectRaw(port, ca, options);
  client.socket.write(streamHeader(to, header));
  await client.until(features);
  client.forget();
  const response = Buffer.from(`\0${username}\0${password}`).toString('base64');
  client.socket.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
  await client.until('<success');
  client.forget();
  client.socket.write(streamHeader(to, header));
  await client.until(features);
  // What the gatekeeper says next may have come with it.
  client.forget(features);
  return client;
}
