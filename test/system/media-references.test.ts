/** A file from Juliet's phone to Romeo's, named by a reference only: her provider stores the ciphertext and asks the proxy
 *  for a reference, her message has the path with it, and the gatekeeper of Romeo fetches by it. The parties are the
 *  simulator's, which share no code with the proxy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { downloadPath } from '../../src/simulator/gatekeeper/download-path.ts';
import {
  startPartnerServices,
  type PartnerServices,
} from '../../src/simulator/gatekeeper/partner-services.ts';
import { header, jsonBody, type HttpAnswer, type HttpExchange } from '../../src/simulator/http/message.ts';
import { send, type OutgoingRequest } from '../../src/simulator/http/request.ts';
import { basicCredentials } from '../../src/simulator/http/user.ts';
import { startProvider, type Provider } from '../../src/simulator/provider.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const mediaProxy = authority.issue(['media.gatekeeper.example']);
const issuer = 'https://provider.example';
const juliet = { identifier: 'juliet@provider.example', password: 'pomegranate' };
const integrator = 1_000_007;
const bearer = 'u'.repeat(40);
// More than one part of the gatekeeper's download.
const ciphertext = Buffer.alloc(200_000, 'ciphertext ');

let folder: TemporaryFolder;
let provider: Provider;
let services: PartnerServices;
let proxy: TestProxy;
const stored: HttpExchange[] = [];
const downloads: HttpExchange[] = [];
const caller = { ca: authority.certificate, timeoutMs: 5_000 };

beforeAll(async () => {
  folder = await temporaryFolder();
  provider = await startProvider({
    issuer,
    users: [juliet],
    certificate: pair,
    host: '127.0.0.1',
    onExchange: (exchange) => stored.push(exchange),
  });
  const port = await freePort();
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: 9, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: 'balanced',
    // The port is in its metadata, by which the gatekeeper finds its keys.
    http: { publicUrl: `https://localhost:${port}`, port },
    provider: {
      issuer,
      jwksUri: `${provider.url}/.well-known/jwks.json`,
      configurationUri: `${provider.url}/.well-known/openid-configuration`,
      audiences: ['https://gatekeeper.example'],
      caFile: await folder.write('ca.pem', authority.certificate),
      media: {
        hosts: [provider.url],
        allowAddresses: ['127.0.0.0/8'],
        keyFiles: [await folder.write('media-key', 'm'.repeat(32))],
        references: { bearerTokenFiles: [await folder.write('bearer', bearer)], path: '/files' },
      },
    },
    gatekeeperHttp: { media: { certFile: await folder.write('media.crt', mediaProxy.certificate) } },
  });
  const url = `https://localhost:${port}`;
  provider.refer({ url: `${url}/media/references`, gatekeeper: 'test', bearer, caller });
  services = await startPartnerServices({
    name: 'https://gatekeeper.example',
    provider: issuer,
    intermediary: 'proxy.example',
    users: [],
    known: () => true,
    certificate: pair,
    host: '127.0.0.1',
    caller: { ...caller, certificate: mediaProxy },
    onExchange: (through, exchange) => void (through === 'media-download' && downloads.push(exchange)),
  });
  await services.attach({
    url,
    pushUrl: `${url}/push/test`,
    references: { base: `${url}/files`, integrator },
  });
});
afterAll(async () => {
  await services?.close();
  await proxy?.close();
  await provider?.close();
  await folder[Symbol.asyncDispose]();
});

const ask = async (request: OutgoingRequest): Promise<HttpAnswer> => (await send(request, caller)).answer;

function upload(name: string): Promise<HttpAnswer> {
  const headers = [['Authorization', basicCredentials(juliet)]] as const;
  return ask({ method: 'PUT', url: `${provider.url}/media/${name}`, headers, body: ciphertext });
}

function download(path: string): Promise<HttpAnswer> {
  return ask({ method: 'GET', url: `${services.url}/media-proxy?path=${encodeURIComponent(path)}` });
}

describe('a file that a message names by its reference', () => {
  it('reaches the other phone, and the gatekeeper learns no address of the provider', async () => {
    const uploaded = await upload('letter');
    const reference = String(jsonBody(uploaded)?.['storage_reference']);
    const before = stored.length;
    const fetched = await download(downloadPath(integrator, reference));
    expect(fetched.status).toBe(200);
    expect(fetched.body.equals(ciphertext)).toBe(true);
    // The size, and four parts.
    expect(downloads.map(({ answer }) => answer.status)).toEqual([200, 206, 206, 206, 206]);
    expect(stored.length - before).toBe(5);
    const seen = JSON.stringify(downloads.map(({ request, answer }) => [request.target, request.headers, answer.headers])); // prettier-ignore
    expect(seen).not.toMatch(/store-3|juliet|inode|rack|letter/);
    expect(header(stored.at(-1)!.request, 'x-forwarded-for')).toBeUndefined();
    expect(reference).not.toMatch(/juliet/);
  });

  it.each([
    ['of another integrator', async () => downloadPath(7, await referenceOf('mine'))],
    [
      'that was changed',
      async () => downloadPath(integrator, (await referenceOf('mine')).replace(/.$/, '.')),
    ],
    ['that is the address', async () => downloadPath(integrator, 'store-3')],
  ])('is not found by a reference %s', async (_, path) => {
    const before = stored.length;
    const reading = await path();
    const uploads = stored.length - before;
    expect((await download(reading)).status).toBeGreaterThanOrEqual(400);
    expect(stored.length - before).toBe(uploads);
  });

  it('is stored without an answer where the proxy gives no reference', async () => {
    const url = `https://127.0.0.1:${proxy.proxy.httpPort}/media/references`;
    provider.refer({ url, gatekeeper: 'unknown', bearer, caller });
    expect((await upload('lost')).status).toBe(500);
    provider.refer({ url, gatekeeper: 'test', bearer, caller });
    expect((await upload('found')).status).toBe(201);
  });
});

async function referenceOf(name: string): Promise<string> {
  return String(jsonBody(await upload(name))?.['storage_reference']);
}
