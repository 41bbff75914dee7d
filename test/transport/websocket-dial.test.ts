/** Opening a WebSocket to a gatekeeper: TLS by the host of the URL, the upgrade, and what is refused. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { dialWebSocket, type WebSocketDialOptions } from '../../src/transport/websocket-dial.ts';
import { GatekeeperError } from '../../src/transport/gatekeeper-error.ts';
import { systemResolver } from '../../src/transport/srv.ts';
import type { WebSocketConnection } from '../../src/transport/websocket.ts';
import { createAuthority } from '../support/certificates.ts';
import { rejection } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const { cert, key } = authority.issue({ dns: ['localhost'] });

let server: Server;
const opened: WebSocketConnection[] = [];
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** Serves HTTPS. @returns its URL */
async function serve(handle: (server: Server) => void = () => {}, host = 'localhost'): Promise<URL> {
  server = createServer({ cert, key });
  handle(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`wss://${host}:${(server.address() as AddressInfo).port}/xmpp-websocket`);
}

const taking =
  (protocol: string | false) =>
  (https: Server): void => {
    const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });
    https.on('upgrade', (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (ws) => ws.send('<first/>'));
    });
  };

const answering =
  (status: string) =>
  (https: Server): void => {
    https.on('upgrade', (_request, socket) => {
      socket.on('error', () => {});
      socket.end(`HTTP/1.1 ${status}\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n`);
    });
  };

async function dial(url: URL, more: Partial<WebSocketDialOptions> = {}): Promise<WebSocketConnection> {
  const connection = await dialWebSocket(url, {
    context: createSecureContext({ ca: authority.cert }),
    resolver: systemResolver(),
    dialTimeoutMs: 5_000,
    messageBytesMax: 10_000,
    ...more,
  });
  opened.push(connection);
  return connection;
}

const causeOf = async (dialling: Promise<unknown>): Promise<string> => {
  const { code, dialCause } = await rejection(dialling, GatekeeperError);
  return `${code} ${dialCause}`;
};

describe('a WebSocket to a gatekeeper', () => {
  it('is asked for with nothing of the client, and read from when its leg listens', async () => {
    const seen: string[][] = [];
    const url = await serve((https) => {
      taking('xmpp')(https);
      https.prependListener('upgrade', ({ rawHeaders, socket }) => {
        seen.push(rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
        const { alpnProtocol, servername } = socket as TLSSocket & { servername: string };
        expect([alpnProtocol, servername]).toEqual(['http/1.1', 'localhost']);
      });
    });
    const connection = await dial(url);
    expect(seen[0]!.toSorted()).toEqual([
      'connection', 'host', 'sec-websocket-key', 'sec-websocket-protocol', 'sec-websocket-version', 'upgrade',
    ]); // prettier-ignore
    await new Promise((resolve) => setImmediate(resolve));
    const messages: string[] = [];
    connection.listen({
      bytes: () => {},
      message: (data) => messages.push(data.toString()),
      control: () => {},
      read: () => {},
      refused: () => {},
      ended: () => {},
    });
    await eventually(() => messages.length > 0);
    expect(messages).toEqual(['<first/>']);
  });

  it.each<[string, (https: Server) => void, string]>([
    ['404', answering('404 Not Found'), 'ERR_GATEKEEPER_NEGOTIATION no-websocket'],
    ['a redirect, which is not followed', answering('302 Found'), 'ERR_GATEKEEPER_REDIRECT redirected'],
    ['no subprotocol', taking(false), 'ERR_GATEKEEPER_NEGOTIATION no-websocket'],
    ['another subprotocol', taking('chat'), 'ERR_GATEKEEPER_NEGOTIATION no-websocket'],
  ])('is refused: %s', async (_, handle, expected) => {
    expect(await causeOf(dial(await serve(handle)))).toBe(expected);
  });

  it('has the host of the URL in its certificate, by an authority that is trusted', async () => {
    const resolver = { ...systemResolver(), lookup: (await import('node:dns')).lookup };
    const url = await serve(taking('xmpp'), '127.0.0.1');
    expect(await causeOf(dial(url, { resolver }))).toBe('ERR_GATEKEEPER_TLS name-mismatch');
    const other = createSecureContext({ ca: createAuthority().cert });
    url.hostname = 'localhost';
    expect(await causeOf(dial(url, { context: other }))).toBe('ERR_GATEKEEPER_TLS authority-unknown');
  });

  it('is answered in time', async () => {
    const url = await serve((https) => https.on('upgrade', (_, socket) => socket.on('error', () => {})));
    expect(await causeOf(dial(url, { dialTimeoutMs: 300 }))).toBe('ERR_GATEKEEPER_UNREACHABLE timed-out');
  });

  it('is given up with its session', async () => {
    const url = await serve((https) => https.on('upgrade', (_, socket) => socket.on('error', () => {})));
    const abort = new AbortController();
    const dialling = dial(url, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('over')), 100);
    await expect(dialling).rejects.toThrow('over');
  });
});
