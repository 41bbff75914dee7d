import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { createMediaProxy } from '../../src/simulator/gatekeeper/media-proxy.ts';
import {
  header,
  json,
  jsonBody,
  type HeaderList,
  type HttpExchange,
} from '../../src/simulator/http/message.ts';
import { send, type OutgoingRequest } from '../../src/simulator/http/request.ts';
import type { IncomingRequest } from '../../src/simulator/http/server.ts';
import { startProvider, type Provider } from '../../src/simulator/provider.ts';

const authority = createDevelopmentAuthority();
const caller = { ca: authority.certificate, timeoutMs: 5_000 };
const juliet = { identifier: 'juliet@capulet.example', password: 'R0m30' };
const basic: HeaderList = [
  ['Authorization', `Basic ${Buffer.from(`${juliet.identifier}:${juliet.password}`).toString('base64')}`],
];
const picture = randomBytes(150_000);

let provider: Provider;
const received: HttpExchange[] = [];
beforeEach(async () => {
  received.length = 0;
  provider = await startProvider({
    issuer: 'https://provider.example',
    users: [juliet],
    certificate: authority.issue(['127.0.0.1']),
    host: '127.0.0.1',
    onExchange: (exchange) => received.push(exchange),
  });
});
afterEach(() => provider.close());

const ask = async (path: string, more: Partial<OutgoingRequest> = {}) =>
  (await send({ method: 'GET', url: `${provider.url}${path}`, ...more }, caller)).answer;

async function upload(): Promise<string> {
  const stored = await ask('/media/picture.png', { method: 'PUT', headers: basic, body: picture });
  return header(stored, 'location')!;
}

describe('the provider', () => {
  it('publishes where its keys are, and the keys', async () => {
    const metadata = jsonBody(await ask('/.well-known/openid-configuration'))!;
    expect(metadata).toMatchObject({ issuer: 'https://provider.example' });
    const keys = await send({ method: 'GET', url: String(metadata['jwks_uri']) }, caller);
    expect(jsonBody(keys.answer)).toEqual(provider.issuer.jwks());
    expect(keys.answer.body.toString()).not.toContain('"d"');
  });

  it('gives its users tokens for one audience, with their nonce', async () => {
    const body = json({ audience: 'gatekeeper.example', nonce: 'n-1' });
    const given = await ask('/tokens', { method: 'POST', headers: basic, body });
    const [, payload] = String(jsonBody(given)?.['ownershipToken']).split('.');
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
      iss: 'https://provider.example',
      sub: juliet.identifier,
      aud: 'gatekeeper.example',
      nonce: 'n-1',
    });
  });

  it.each([
    ['a token', { method: 'POST' as const, body: json({ audience: 'a', nonce: 'n' }) }, '/tokens'],
    ['room for a picture', { method: 'PUT' as const, body: picture }, '/media/x.png'],
  ])('gives no other caller %s', async (_, request, path) => {
    const headers: HeaderList = [
      ['Authorization', `Basic ${Buffer.from('juliet@capulet.example:x').toString('base64')}`],
    ];
    expect((await ask(path, { ...request, headers })).status).toBe(401);
    expect((await ask(path, request)).status).toBe(401);
  });

  it('wakes the device of a node, once it works again', async () => {
    const woken: unknown[] = [];
    const node = provider.push.register((notification) => woken.push(notification));
    const push = async (body: object) => (await ask('/push', { method: 'POST', body: json(body) })).status;
    provider.push.failNext(1);
    expect(await push({ recipient: node, count: 1 })).toBe(503);
    expect(await push({ recipient: node, count: 1 })).toBe(200);
    expect(await push({ recipient: 'gone' })).toBe(410);
    expect(woken).toEqual([{ recipient: node, count: 1 }]);
  });

  it('serves media whole and in parts', async () => {
    const { pathname } = new URL(await upload());
    const whole = await ask(pathname);
    expect([whole.status, whole.body.equals(picture)]).toEqual([200, true]);
    const head = await ask(pathname, { method: 'HEAD' });
    expect([head.status, header(head, 'content-length')]).toEqual([200, '150000']);
    const range = (value: string, more: HeaderList = []) =>
      ask(pathname, { headers: [['Range', value], ...more] });
    const part = await range('bytes=10-19');
    expect([part.status, header(part, 'content-range')]).toEqual([206, 'bytes 10-19/150000']);
    expect(part.body.equals(picture.subarray(10, 20))).toBe(true);
    expect((await range('bytes=149990-')).body.length).toBe(10);
    expect((await range('bytes=150000-')).status).toBe(416);
    expect((await range('bytes=0-1', [['If-Range', '"other"']])).status).toBe(200);
    expect((await ask(`${pathname}x`)).status).toBe(404);
  });
});

describe("the gatekeeper's media proxy", () => {
  const incoming = (url: string): IncomingRequest => ({
    method: 'GET',
    target: `/media-proxy?url=${encodeURIComponent(url)}`,
    headers: [['User-Agent', 'Orchard/7 (Verona)']],
    body: Buffer.alloc(0),
    exporter: Buffer.alloc(0),
  });

  it('requests the size and then one part after the other', async () => {
    const url = await upload();
    received.length = 0;
    const proxy = createMediaProxy({ caller, origins: [provider.url], partBytes: 60_000 });
    const given = await proxy(incoming(url));
    expect([given?.status, given?.body.equals(picture)]).toEqual([200, true]);
    expect(received.map(({ request }) => [request.method, header(request, 'range')])).toEqual([
      ['HEAD', undefined],
      ['GET', 'bytes=0-59999'],
      ['GET', 'bytes=60000-119999'],
      ['GET', 'bytes=120000-149999'],
    ]);
    expect(header(received[1]!.request, 'x-recipient-device')).toBe('Orchard/7 (Verona)');
  });

  it('requests from no other server, and passes on no partial file', async () => {
    const proxy = createMediaProxy({ caller, origins: [provider.url], bytesMax: 100_000 });
    expect((await proxy(incoming('https://127.0.0.1:1/x')))?.status).toBe(403);
    expect((await proxy(incoming(`${provider.url}.evil.example/x`)))?.status).toBe(403);
    expect((await proxy(incoming(await upload())))?.status).toBe(502);
    expect((await proxy(incoming(`${provider.url}/none`)))?.status).toBe(502);
  });
});
