/** XMPP over WebSocket at a proxy as it is composed: TLS, the upgrade of HTTP/1.1, signals, names, limits, draining. */
import { afterEach, describe, expect, it } from 'vitest';
import { accepted, startAttested, type Attested, type AttestedOptions } from '../support/attested.ts';
import {
  closesFrame,
  logInOver,
  openWebSocket,
  opensFrame,
  type WebSocketClient,
  type WebSocketClientOptions,
} from '../support/websocket-client.ts';
import { eventually } from '../support/wait.ts';

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
    await eventually(() => expect(scene.proxy.closed).toEqual(['client-closed']));
  });

  it('is counted as one of the clients, by address and in all', async () => {
    await start({}, { proxy: { limits: { connectionsPerAddressMax: 1 } } });
    const first = await open();
    await expect(open()).rejects.toThrow('503');
    expect(scene.refused).toEqual(['ERR_ADDRESS_LIMIT']);
    await open({ localAddress: '127.0.0.2' });
    first.socket.terminate();
    await eventually(async () => void (await open()));
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

  it('where no WebSocket is configured', async () => {
    await start({ websocket: undefined, websocketUrl: undefined });
    await expect(open()).rejects.toThrow('404');
  });
});

describe('the upgrade is taken', () => {
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
