import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { referenceAudience } from '../../../src/http/media/token.ts';
import { listen } from '../support/party.ts';
import { bytesAt, originEtag, startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { eventually } from '../../support/wait.ts';
import { serveMedia, type MediaName, type MediaRelayUnderTest } from '../support/media.ts';

const fileBytes = 300_000;
const everyName: readonly MediaName[] = ['address', 'reference'];

/** Headers of a caller that tells all about itself. */
const talkative = {
  cookie: 'session=juliet',
  referer: 'https://gatekeeper.example/chat/romeo',
  'user-agent': 'GatekeeperMedia/9',
  'x-forwarded-for': '198.51.100.7',
  forwarded: 'for=198.51.100.7',
  via: '1.1 gatekeeper',
  'accept-language': 'it-IT',
  authorization: 'Bearer secret',
  'x-trace': 'abc',
};

function open(url: URL, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get(url, { headers, agent: false }, resolve).on('error', reject);
  });
}

describe.each(everyName)('the media relay, by %s,', (names) => {
  let origin: MediaOrigin;
  let relay: MediaRelayUnderTest;
  const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(relay.through(new URL('/store/4711.jpg', origin.url)), { headers, method });

  beforeEach(async () => {
    origin = await startMediaOrigin(fileBytes);
    relay = await serveMedia([origin.url.origin], { names });
  });
  afterEach(async () => {
    await relay.close();
    await origin.close();
  });

  it('gives the file, every byte', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytesAt(0, fileBytes))).toBe(true);
    await eventually(() => relay.ends.length > 0);
    expect(relay.ends).toEqual(['complete']);
  });

  it('sends the media server nothing of the caller', async () => {
    await (await get(talkative)).arrayBuffer();
    const { headers } = origin.requests[0]!;
    expect(headers).toEqual({
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      host: origin.url.host,
    });
  });

  it('sends the caller nothing of the media server', async () => {
    const answer = await get();
    const headers = Object.fromEntries(answer.headers);
    await answer.arrayBuffer();
    expect(Object.keys(headers).sort()).toEqual([
      'accept-ranges',
      'cache-control',
      'connection',
      'content-disposition',
      'content-length',
      'content-security-policy',
      'content-type',
      'date',
      'etag',
      'keep-alive',
      'strict-transport-security',
      'x-content-type-options',
    ]);
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(JSON.stringify(headers)).not.toMatch(/4711|inode|rack|juliet|cache-3|2026 08:00/);
  });

  it('answers HEAD with the length and no body', async () => {
    const answer = await get({}, 'HEAD');
    expect(answer.headers.get('content-length')).toBe(String(fileBytes));
    expect(origin.requests[0]!.method).toBe('HEAD');
    expect(await answer.text()).toBe('');
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 100],
    ['bytes=299990-', 299_990, 10],
  ])('gives the range %s', async (range, start, length) => {
    const answer = await get({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${start + length - 1}/${fileBytes}`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytesAt(start, length))).toBe(true);
  });

  it('answers a range beyond the end with an error', async () => {
    const answer = await get({ range: 'bytes=300000-' });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${fileBytes}`);
    expect(await answer.text()).toBe('');
  });

  it.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes=juliet', 'bytes=-'])(
    'ignores the range %j',
    async (range) => {
      const answer = await get({ range });
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
      expect(origin.requests[0]!.headers.range).toBeUndefined();
    },
  );

  it('resumes: the sealed ETag reaches the media server as its own', async () => {
    const etag = (await get({}, 'HEAD')).headers.get('etag')!;
    const part = await get({ range: 'bytes=1000-', 'if-range': etag });
    expect(part.status).toBe(206);
    expect(origin.requests.at(-1)!.headers['if-range']).toBe(originEtag);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytesAt(1000, fileBytes - 1000))).toBe(true);
  });

  it('gives the whole when the version to resume is unknown', async () => {
    const answer = await get({ range: 'bytes=1000-', 'if-range': '"somebody elses mark"' });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    expect(origin.requests[0]!.headers['if-range']).toBeUndefined();
  });

  it('answers 304 to a caller that has the file, and does not ask for foreign ETags', async () => {
    const etag = (await get({}, 'HEAD')).headers.get('etag')!;
    const same = await get({ 'if-none-match': `"x", ${etag}` });
    expect([same.status, same.headers.get('etag')]).toEqual([304, etag]);
    expect(origin.requests.at(-1)!.headers['if-none-match']).toBe(originEtag);
    await (await get({ 'if-none-match': '"user-4711"', 'if-modified-since': 'x' })).arrayBuffer();
    expect(Object.keys(origin.requests.at(-1)!.headers)).toEqual([
      'accept',
      'accept-encoding',
      'host',
      'connection',
    ]);
  });

  it('answers 412 without the media server’s text', async () => {
    const answer = await get({ 'if-match': '"x"' });
    expect([answer.status, await answer.text()]).toEqual([412, '']);
  });

  it('sends the first byte before the last is there', async () => {
    const started = Promise.withResolvers<ServerResponse>();
    origin.override = (_, response) => {
      response.writeHead(200, { 'content-length': '8' });
      response.write('firs');
      started.resolve(response);
    };
    const answer = await open(relay.through(origin.url));
    const first = await new Promise<string>((resolve) =>
      answer.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    expect(first).toBe('firs');
    (await started.promise).end('last');
    let rest = '';
    for await (const chunk of answer) rest += String(chunk);
    expect(rest).toBe('last');
  });

  it('sends the headers before the first byte', async () => {
    origin.override = (_, response) => response.writeHead(200, { 'content-length': '8' }).flushHeaders();
    const answer = await open(relay.through(origin.url));
    expect(answer.headers['content-length']).toBe('8');
    answer.destroy();
  });

  it('stops reading from the media server when the caller leaves', async () => {
    const big = await startMediaOrigin(200_000_000, { plain: true });
    const other = await serveMedia([big.url.origin], { names });
    const answer = await open(other.through(big.url));
    await new Promise((resolve) => answer.once('data', resolve));
    answer.destroy();
    await eventually(() => other.ends.length > 0);
    expect(other.ends).toEqual(['reader-left']);
    const { bytes } = big.sent;
    await sleep(100);
    expect(big.sent.bytes).toBe(bytes);
    expect(bytes).toBeLessThan(100_000_000);
    await other.close();
    await big.close();
  });

  it('reads no faster than the caller does', async () => {
    const big = await startMediaOrigin(200_000_000, { plain: true });
    const other = await serveMedia([big.url.origin], { names });
    const answer = await open(other.through(big.url));
    answer.pause();
    await sleep(300);
    const { bytes } = big.sent;
    await sleep(200);
    expect(big.sent.bytes).toBe(bytes);
    expect(bytes).toBeLessThan(50_000_000);
    answer.destroy();
    await other.close();
    await big.close();
  });

  it('cuts a body that breaks off, so that a part is not taken for the whole', async () => {
    origin.override = (_, response) => {
      response.writeHead(200);
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    const answer = await get();
    await expect(answer.text()).rejects.toThrow();
    expect(relay.ends).toEqual(['source-broke']);
  });
});

const problem = async (url: URL): Promise<unknown> => {
  const answer = await fetch(url, { redirect: 'manual' });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  return ((await answer.json()) as { code: unknown }).code;
};

describe.each(everyName)('the media relay, by %s, refuses', (names) => {
  let origin: MediaOrigin;
  let relay: MediaRelayUnderTest;
  beforeEach(async () => {
    origin = await startMediaOrigin(1_000);
    const limits = {
      mediaBytesMax: 5_000,
      mediaFirstByteTimeoutMs: 700,
      mediaStallTimeoutMs: 700,
      mediaConcurrentMax: 2,
    };
    const origins = [origin.url.origin, 'http://127.0.0.1:1', 'http://rebound.example'];
    relay = await serveMedia(origins, { limits, names });
  });
  afterEach(async () => {
    await relay.close();
    await origin.close();
  });

  it('a token that is not one', async () => {
    const { pathname } = relay.through(origin.url);
    for (const token of ['AAAA', pathname.slice(pathname.lastIndexOf('/') + 1, -1)]) {
      const at = pathname.slice(0, pathname.lastIndexOf('/') + 1);
      expect(await problem(new URL(at + token, relay.url))).toBe('ERR_MEDIA_TOKEN');
    }
    expect(origin.requests).toEqual([]);
  });

  it("another gatekeeper's token", async () => {
    expect(await problem(relay.through(origin.url, 'other.example'))).toBe('ERR_MEDIA_TOKEN_AUDIENCE');
  });

  it('what is sealed for the other route', async () => {
    const [token, reference] = ['gatekeeper.example', referenceAudience('gatekeeper.example')].map(
      (audience) => relay.tokens.seal(origin.url.href, audience),
    );
    const swapped = names === 'address' ? `/media/${reference}` : `/media/references/${token}`;
    expect(await problem(new URL(swapped, relay.url))).toBe('ERR_MEDIA_TOKEN_AUDIENCE');
  });

  it('an origin that is not on the list, sealed or not', async () => {
    expect(await problem(relay.through('http://127.0.0.2/'))).toBe('ERR_MEDIA_ORIGIN');
  });

  it.each([301, 302, 303, 307, 308])('to follow a %i', async (status) => {
    const elsewhere = await listen((_, response) => response.end('inside'));
    origin.override = (_, response) => response.writeHead(status, { location: elsewhere.url.href }).end();
    expect(await problem(relay.through(origin.url))).toBe('ERR_MEDIA_REDIRECT');
    await elsewhere.close();
  });

  it.each<[string, number]>([
    ['ERR_MEDIA_NOT_FOUND', 404],
    ['ERR_MEDIA_NOT_FOUND', 410],
    ['ERR_MEDIA_ANSWER', 403],
    ['ERR_MEDIA_ANSWER', 500],
    ['ERR_MEDIA_ANSWER', 204],
  ])('with %s what the media server answers %i', async (code, status) => {
    origin.override = (_, response) =>
      response.writeHead(status).end(status === 204 ? undefined : 'no such user juliet');
    const answer = await fetch(relay.through(origin.url));
    const text = await answer.text();
    expect(text).toContain(code);
    expect(text).not.toContain('juliet');
  });

  it('a body that is packed', async () => {
    origin.override = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    expect(await problem(relay.through(origin.url))).toBe('ERR_MEDIA_ANSWER');
  });

  it('a body announced larger than the limit', async () => {
    origin.override = (_, response) => response.writeHead(200, { 'content-length': '5001' }).flushHeaders();
    expect(await problem(relay.through(origin.url))).toBe('ERR_MEDIA_TOO_LARGE');
  });

  it('a body that turns out larger than the limit, by cutting it', async () => {
    origin.override = (_, response) => {
      response.writeHead(200);
      response.end(Buffer.alloc(5_001));
    };
    await expect(fetch(relay.through(origin.url)).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(relay.ends).toEqual(['too-large']);
  });

  it('to wait for a media server that does not answer', async () => {
    origin.override = () => {};
    expect(await problem(relay.through(origin.url))).toBe('ERR_MEDIA_TIMEOUT');
  });

  it('to wait for a body that stopped', async () => {
    origin.override = (_, response) => {
      response.writeHead(200);
      response.write('x');
    };
    await expect(fetch(relay.through(origin.url)).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(relay.ends).toEqual(['stalled']);
  });

  it('a media server that is down', async () => {
    expect(await problem(relay.through('http://127.0.0.1:1/'))).toBe('ERR_MEDIA_UNREACHABLE');
  });

  it('more downloads at once than it has room for', async () => {
    origin.override = () => {};
    const codes = await Promise.all([1, 2, 3].map(() => problem(relay.through(origin.url))));
    expect(codes.filter((code) => code === 'ERR_MEDIA_BUSY')).toHaveLength(1);
    expect(codes.filter((code) => code === 'ERR_MEDIA_TIMEOUT')).toHaveLength(2);
  });
});

describe('a DNS answer that changes between check and use', () => {
  it('cannot: there is one look-up, and the connection goes to its answer', async () => {
    const victim = await listen((_, response) => response.end('inside'));
    const port = victim.url.port;
    const answers = ['127.0.0.1', '127.0.0.2', '10.0.0.1'];
    let asked = 0;
    const resolve = async () => [{ address: answers[asked++ % answers.length]!, family: 4 }];
    const relay = await serveMedia([`http://rebound.example:${port}`], {
      guard: { allowAddresses: ['127.0.0.1'], resolve },
    });
    const ask = async (): Promise<string> =>
      (await fetch(relay.through(`http://rebound.example:${port}/`))).text();
    expect(await ask()).toBe('inside');
    expect(asked).toBe(1);
    victim.server.closeAllConnections();
    expect(await ask()).toContain('ERR_MEDIA_ADDRESS');
    expect(asked).toBe(2);
    expect(await ask()).toContain('ERR_MEDIA_ADDRESS');
    await relay.close();
    await victim.close();
  });
});
