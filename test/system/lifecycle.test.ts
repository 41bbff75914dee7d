import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper, type Script } from '../support/raw-gatekeeper.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);

let script: Script = () => {};
let gatekeeper: RawGatekeeper;
let proxy: TestProxy;

beforeAll(async () => {
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket, tcp) => script(socket, tcp));
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
  });
});

afterAll(async () => {
  await proxy.close();
  gatekeeper.close();
});

const logIn = (): ReturnType<typeof logInRaw> => logInRaw(proxy.direct, authority.certificate);

describe('the gatekeeper ends', () => {
  it('at any byte of a stanza: no half stanza reaches the client, and its stream is closed', async () => {
    const stanza = "<message from='a@localhost' id='7'><body>half?</body></message>";
    for (let cut = 0; cut <= stanza.length; cut += 1) {
      // Reset once the client has seen what came before: a reset overtakes bytes that were not read yet.
      script = (socket, tcp) => {
        socket.on('data', () => tcp.resetAndDestroy());
        socket.write(`<presence id='before'/>${stanza.slice(0, cut)}`);
      };
      const client = await logIn();
      await client.until("<presence id='before'/>");
      client.socket.write('<presence/>');
      await client.closed;
      const rest = client.received().slice("<presence id='before'/>".length);
      expect(rest.startsWith(cut === stanza.length ? `${stanza}<stream:error>` : '<stream:error>')).toBe(
        true,
      );
      expect(rest).toContain('<remote-connection-failed ');
      expect(rest.endsWith('</stream:stream>')).toBe(true);
    }
  });

  it('with its closing tag: the client gets one too', async () => {
    script = (socket) => socket.end('</stream:stream>');
    const client = await logIn();
    await client.closed;
    expect(client.received()).toBe('</stream:stream>');
  });

  it('with an error and no closing tag: the client receives that error, whatever it sends meanwhile', async () => {
    const error = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    script = (socket) => socket.write(`${error}<presence/>`);
    const client = await logIn();
    client.socket.write('<not well formed');
    await client.closed;
    expect(client.received()).toBe(`${error}</stream:stream>`);
  });
});

describe('the client ends', () => {
  const ways: Record<string, (client: RawClient) => void> = {
    'by a closing tag': ({ socket }) => socket.write('</stream:stream>'),
    'by a half-close': ({ socket }) => socket.end(),
    'by a reset': ({ tcp }) => tcp.resetAndDestroy(),
    'by destroying the socket': ({ socket }) => socket.destroy(),
  };

  it.each(Object.entries(ways))(
    '%s: so does the proxy at the gatekeeper, without waiting for a limit, and closes the stream only if the client has',
    async (way, leave) => {
      // A stream that was not closed can be resumed (XEP-0198 §5).
      const closing = way === 'by a closing tag' ? '</stream:stream>' : '';
      for (let round = 0; round < 100; round += 1) {
        const { promise: ended, resolve } = Promise.withResolvers<string>();
        script = (socket) => {
          let heard = '';
          socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
          // The end event of a TLS socket is the peer's close_notify.
          socket.on('end', () => {
            resolve(heard);
            socket.end();
          });
        };
        const client = await logIn();
        client.socket.write("<presence id='last'/>");
        await new Promise((done) => setTimeout(done, 2));
        leave(client);
        const heard = await ended;
        expect(heard).toBe(`<presence id='last'/>${closing}`);
        client.socket.destroy();
      }
    },
    // A hundred rounds, each under any limit of the proxy: one that waits for the end of a limit takes a second.
  );
});

describe('a reader that stalls', () => {
  it('stops the sender; memory stays bounded and the other sessions go on', async () => {
    const message = `<message from='a@localhost'><body>${'x'.repeat(8_000)}</body></message>`;
    const total = 400 * 1024 * 1024;
    let flooded = 0;
    script = (socket) => {
      const flood = (): void => {
        while (flooded < total) {
          flooded += message.length;
          if (!socket.write(message)) {
            socket.once('drain', flood);
            return;
          }
        }
      };
      flood();
    };
    const stalled = await logIn();
    stalled.socket.pause();
    script = (socket) => socket.on('data', (chunk: Buffer) => socket.write(chunk));
    const other = await logIn();
    const before = process.memoryUsage.rss();
    let peak = before;
    for (let round = 0; round < 200; round += 1) {
      other.socket.write(`<message id='r${round}'/>`);
      await other.until(`id='r${round}'/>`);
      peak = Math.max(peak, process.memoryUsage.rss());
      await new Promise((done) => setTimeout(done, 5));
    }
    const grown = (peak - before) / 1024 / 1024;
    console.log(
      `flooded ${(flooded / 1e6).toFixed(0)} MB until it stopped, memory grew ${grown.toFixed(1)} MB`,
    );
    // The sender, in this process too, was stopped long before it had sent everything.
    expect(flooded).toBeLessThan(64 * 1024 * 1024);
    expect(grown).toBeLessThan(60);
    stalled.socket.destroy();
    other.socket.destroy();
  });
});
