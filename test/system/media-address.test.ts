import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { send } from '../../src/simulator/http/request.ts';
import { serveHttps, type HttpsServer } from '../../src/simulator/http/server.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const picture = Buffer.from('a picture, encrypted');
const publicUrl = 'https://localhost';

let folder: TemporaryFolder;
let origin: HttpsServer;
let gatekeeper: RawGatekeeper;
let proxy: TestProxy;
/** What the gatekeeper has heard. */
let heard = '';

beforeAll(async () => {
  folder = await temporaryFolder();
  origin = await serveHttps({
    certificate: pair,
    host: '127.0.0.1',
    handle: ({ target }) => ({ status: target === '/u/17/letter' ? 200 : 404, headers: [], body: picture }),
  });
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) =>
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      // The archive gives back what was sent.
      if (heard.includes('</message>'))
        socket.write(`<message from='juliet@localhost'>${/<body>.*<\/x>/.exec(heard)![0]}</message>`);
    }),
  );
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: 'balanced',
    http: { publicUrl },
    provider: {
      issuer: 'https://provider.example',
      jwksUri: `${origin.url}/jwks.json`,
      audiences: ['https://gatekeeper.example'],
      caFile: await folder.write('ca.pem', authority.certificate),
      media: { hosts: [origin.url], allowAddresses: ['127.0.0.0/8'] },
    },
    gatekeeperHttp: { media: { addresses: ['127.0.0.0/8'] } },
  });
});

afterAll(async () => {
  await proxy.close();
  gatekeeper.close();
  await origin.close();
  await folder[Symbol.asyncDispose]();
});

describe('a file of the provider in a message', () => {
  it('is known to the gatekeeper by an address of the proxy, which fetches it, and to the client by its own', async () => {
    const address = `${origin.url}/u/17/letter`;
    const content = `<body>${address}</body><x xmlns='jabber:x:oob'><url>${address}</url></x>`;
    const client = await logInRaw(proxy.direct, authority.certificate);
    client.socket.write(`<message to='romeo@localhost'>${content}</message>`);
    await client.until('</message>');
    expect(heard).not.toContain(new URL(origin.url).host);
    expect(client.received()).toContain(content);
    const [, sealed] = /<url>https:\/\/localhost(\/media\/[\w-]+)<\/url>/.exec(heard)!;
    expect(heard).toContain(`<body>${publicUrl}${sealed}</body>`);
    client.socket.destroy();

    const url = `https://127.0.0.1:${proxy.proxy.httpPort}${sealed}`;
    const caller = { ca: authority.certificate, timeoutMs: 5_000 };
    const { answer } = await send({ method: 'GET', url, headers: [] }, caller);
    expect([answer.status, answer.body.toString()]).toEqual([200, picture.toString()]);
  });
});
