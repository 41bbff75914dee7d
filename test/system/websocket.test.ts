/** XMPP over WebSocket at a proxy as it is composed: TLS, the upgrade of HTTP/1.1, signals, names, limits, draining. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { connectClient } from '../../src/simulator/client.ts';
import { element, type Element } from '../../src/simulator/xml/element.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { startTestProxy } from '../support/proxy.ts';
import { accepted, startAttested, type Attested, type AttestedOptions } from '../support/attested.ts';
import {
  closesFrame,
  logInOver,
  openWebSocket,
  opensFrame,
  type WebSocketClient,
  type WebSocketClientOptions,
} from '../support/websocket-client.ts';
import { eventually, retried } from '../support/wait.ts';

const message = (to: string, body: string): Element =>
  element(ns.client, 'message', { to, type: 'chat' }, element(ns.client, 'body', {}, body));
let scene: Attested;
const clients: WebSocketClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate();
  await scene.close();
});

async function start(
  http: Record<string, unknown> = {},
  { proxy, ...more }: Partial<AttestedOptions> = {},
): Promise<void> {
  scene = await startAttested({
    carriers: { stream: {} },
    required: true,
    ...more,
    proxy: { ...proxy, http: { publicUrl: 'https://localhost', websocket: {}, ...http } },
  });
}

async function open(options: Partial<WebSocketClientOptions> = {}): Promise<WebSocketClient> {
  const { proxy, authority } = scene;
  const client = await openWebSocket(proxy.proxy.httpPort!, { ca: authority.certificate, ...options });
  clients.push(client);
  return client;
}

describe('a client over WebSocket', () => {
  it('logs in, sends to itself and leaves; the gatekeeper learns of its connection', async () => {
    await start();
    const client = await open();
    const jid = await logInOver(client, 'juliet', 'balcony');
    expect(jid).toMatch(/^juliet@localhost\//);
    const message = `<message xmlns='jabber:client' to='${jid}' id='m1'><body>Grüße &amp; 👋</body></message>`;
    client.send(message);
    expect(await client.until("id='m1'")).toContain("<message xmlns='jabber:client'");
    expect(scene.received.find((xml) => xml.includes("id='m1'"))).toContain('<body>Grüße &amp; 👋</body>');
    expect(accepted(scene).signals).toMatchObject({
      client_ip: { address: '127.0.0.1', observed_by: 'edge' },
      tcp: { observed_by: 'edge' },
      tls: { ja4: expect.stringMatching(/^t13/), observed_by: 'edge' },
    });
    client.send(closesFrame);
    await client.until('<close');
    expect(await client.closed).toBe(1000);
    await eventually(() => scene.proxy.closed.length > 0);
    expect(scene.proxy.closed).toEqual(['client-closed']);
  });

  it('comes from the address in a PROXY header of a trusted balancer', async () => {
    await start({ proxyProtocol: { trusted: ['127.0.0.1'] } });
    const tcp = connect({ host: '127.0.0.1', port: scene.proxy.proxy.httpPort! });
    tcp.write('PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n');
    const tls = connectTls({ socket: tcp, ca: scene.authority.certificate, servername: 'localhost' });
    const client = await open({ more: { createConnection: () => tls } });
    await logInOver(client, 'juliet', 'balcony');
    expect(accepted(scene).signals).toMatchObject({
      client_ip: { address: '192.0.2.7', observed_by: 'balancer' },
    });
  });

  it('is counted as one of the clients, by address and in all', async () => {
    await start({}, { proxy: { limits: { connectionsPerAddressMax: 1 } } });
    const first = await open();
    await expect(open()).rejects.toThrow('503');
    expect(scene.refused).toEqual(['ERR_ADDRESS_LIMIT']);
    await open({ localAddress: '127.0.0.2' });
    first.socket.terminate();
    await retried(5_000, () => open());
  });

  it('gets an error, a close element and code 1001 when the proxy stops', async () => {
    await start();
    const client = await open();
    await logInOver(client, 'juliet', 'balcony');
    const stopped = scene.proxy.proxy.close(1_000);
    expect(await client.until('<stream:error')).toContain('system-shutdown');
    await client.until('<close');
    expect(await client.closed).toBe(1001);
    await stopped;
  });
});

describe('a gatekeeper over WebSocket', () => {
  it('is reached from either transport: two proxies in a row', async () => {
    await start();
    const { authority, proxy: inner } = scene;
    const pair = authority.issue(['localhost', '127.0.0.1']);
    const outer = await startTestProxy({
      domain: 'localhost',
      gatekeeper: { port: 1, tls: 'direct' },
      gatekeeperHttp: {
        connect: { websocket: `wss://localhost:${inner.proxy.httpPort}/xmpp-websocket` },
      },
      certificate: pair.certificate,
      key: pair.key,
      ca: authority.certificate,
      http: { publicUrl: 'https://localhost', websocket: {} },
    });
    try {
      const web = await openWebSocket(outer.proxy.httpPort!, { ca: authority.certificate });
      clients.push(web);
      const jid = await logInOver(web, 'juliet', 'balcony');
      const tcp = await connectClient({
        endpoint: { ...scene.endpoint, port: outer.direct },
        username: 'juliet',
        password: 'balcony',
        timeoutMs: 5_000,
      });
      tcp.send(message(jid, 'over four legs'));
      expect(await web.until('over four legs')).toContain("xmlns='jabber:client'");
      web.send(`<message xmlns='jabber:client' to='${tcp.jid}' type='chat'><body>and back</body></message>`);
      await eventually(() => scene.received.join('').includes('and back'));
      tcp.destroy();
      web.send(closesFrame);
      await eventually(() => outer.closed.length === 2 && inner.closed.length === 2);
      expect(outer.closed).toEqual(['client-closed', 'client-closed']);
    } finally {
      await outer.close();
    }
  });
});

describe('the upgrade is refused', () => {
  it.each<[string, Partial<WebSocketClientOptions>, string]>([
    ['to a page of another origin', { origin: 'https://evil.example' }, '403'],
    ['to a page without a name', { origin: 'null' }, '403'],
    ['under another host name', { more: { headers: { host: 'evil.example' } } }, '421'],
    ['where TLS was set up for another name', { host: 'proxy.example', more: { rejectUnauthorized: false } }, '421'], // prettier-ignore
  ])('%s', async (_, options, status) => {
    await start();
    await expect(open(options)).rejects.toThrow(status);
  });

  it('without the subprotocol, with a reason', async () => {
    await start();
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`wss://localhost:${scene.proxy.proxy.httpPort}/xmpp-websocket`, ['chat'], {
      ca: scene.authority.certificate,
    });
    const [status, body] = await new Promise<[number, string]>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve([response.statusCode!, text]));
      });
    });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: 'ERR_WEBSOCKET_UPGRADE' });
  });

  it.each([
    ['another version (RFC 6455 §4.2.1)', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 8'],
    ['no key', /Sec-WebSocket-Key: .*\r\n/, ''],
    ['a key of another length', /Key: ..../, 'Key: '],
    ['another method', 'GET ', 'POST '],
    ['another protocol', 'Upgrade: websocket', 'Upgrade: h2c'],
  ] as const)('with %s', async (_, part, instead) => {
    await start();
    const port = scene.proxy.proxy.httpPort!;
    const tls = connectTls({
      host: '127.0.0.1',
      port,
      ca: scene.authority.certificate,
      servername: 'localhost',
    });
    try {
      const request =
        'GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: xmpp\r\n\r\n';
      const changed = request.replace(part, instead);
      expect(changed).not.toBe(request);
      tls.write(changed);
      const [answer] = (await once(tls, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    } finally {
      tls.destroy();
    }
  });

  it('to a client that resets its connection meanwhile, and the proxy goes on', async () => {
    await start();
    const port = scene.proxy.proxy.httpPort!;
    for (let at = 0; at < 20; at += 1) {
      const tcp = connect({ host: '127.0.0.1', port });
      tcp.on('error', () => {});
      const tls = connectTls({ socket: tcp, ca: scene.authority.certificate, servername: 'localhost' });
      tls.on('error', () => {});
      await once(tls, 'secureConnect');
      tls.write(
        'GET /xmpp-websocket HTTP/1.1\r\nHost: evil.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      setImmediate(() => tcp.resetAndDestroy());
      await once(tcp, 'close');
    }
    await open();
  });

  it('where no WebSocket is configured', async () => {
    await start({ websocket: undefined, websocketUrl: undefined });
    await expect(open()).rejects.toThrow('404');
  });
});

describe('the upgrade is taken', () => {
  it('for the subprotocol xmpp, which the answer names, among others', async () => {
    await start();
    const { WebSocket } = await import('ws');
    const port = scene.proxy.proxy.httpPort!;
    const ca = scene.authority.certificate;
    const socket = new WebSocket(`wss://localhost:${port}/xmpp-websocket`, ['chat', 'xmpp'], { ca });
    try {
      await once(socket, 'open');
      expect([socket.protocol, socket.extensions]).toEqual(['xmpp', '']);
    } finally {
      socket.terminate();
    }
  });

  it.each(['https://localhost', 'https://chat.example'])('from a page of %s', async (origin) => {
    await start({ websocket: { origins: ['https://chat.example'] } });
    const client = await open({ origin });
    client.send(opensFrame());
    await client.until('<stream:features');
  });
});

describe('host-meta (XEP-0156)', () => {
  it('names the endpoint under the public URL', async () => {
    await start({ publicUrl: 'https://localhost:8443/base' });
    const { default: https } = await import('node:https');
    const body = await new Promise<string>((resolve, reject) => {
      const options = { port: scene.proxy.proxy.httpPort, ca: scene.authority.certificate };
      https
        .get({ ...options, host: 'localhost', path: '/.well-known/host-meta.json' }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve(text));
        })
        .on('error', reject);
    });
    expect(JSON.parse(body)).toEqual({
      links: [
        { rel: 'urn:xmpp:alt-connections:websocket', href: 'wss://localhost:8443/base/xmpp-websocket' },
      ],
    });
  });
});
