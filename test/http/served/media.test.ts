import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientsAudience, createMediaTokens, type MediaTokens } from '../../../src/http/media/token.ts';
import { createAuthority } from '../../support/certificates.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { bytesAt, originEtag, startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { startServed, type ServedProxy } from '../support/served.ts';
import { httpVersions, type Got } from '../support/versions.ts';

const secrets = [Buffer.alloc(32, 'a'), Buffer.alloc(32, 'b'), Buffer.alloc(32, 'c')] as const;
const tokensOf = (secret: Buffer, now = () => Date.now()): MediaTokens =>
  createMediaTokens({ secrets: [secret], lifetimeMs: 3_600_000, now });
const known = createAuthority('gatekeeper').issue({ dns: ['media.gatekeeper.example'], usage: 'client' });
const fileBytes = 8 * 1024 * 1024;

describe.each(httpVersions)('media through the proxy over %s', (version) => {
  let folder: TemporaryFolder;
  let origin: MediaOrigin;
  let hidden: MediaOrigin;
  let served: ServedProxy;
  let tokens: MediaTokens;

  beforeAll(async () => {
    folder = await temporaryFolder();
    // Another address of this machine than the one that must not be reached.
    origin = await startMediaOrigin(fileBytes, { host: '127.0.0.2' });
    hidden = await startMediaOrigin(10);
    const keyFile = await folder.write('media-key', secrets[0].toString('latin1'));
    const old = await folder.write('media-key-old', secrets[1].toString('latin1'));
    const certFile = await folder.write('media.crt', known.cert);
    // Where names resolve to is the system's: `localhost` is the name that leads inside.
    const inside = `http://localhost:${hidden.url.port}`;
    served = await startServed({
      version,
      provider: {
        media: {
          hosts: [origin.url.origin, inside, 'https://[::ffff:7f00:1]', 'https://10.0.0.1'],
          allowAddresses: [`${origin.url.hostname}/32`],
          keyFiles: [keyFile, old],
        },
      },
      gatekeeper: () => ({ media: { certFile } }),
      proxy: {
        otherGatekeepers: [
          {
            name: 'other',
            connect: { address: '127.0.0.1:9', tls: 'direct' },
            media: { addresses: ['192.0.2.0/24'] },
          },
        ],
      },
    });
    tokens = tokensOf(secrets[0]);
  });
  afterAll(async () => {
    await served.close();
    await Promise.all([origin.close(), hidden.close()]);
    await folder[Symbol.asyncDispose]();
  });

  const fetchMedia = (token: string, headers: Record<string, string> = {}, client = known): Promise<Got> =>
    served.ask(`/media/${token}`, { headers, client });
  const seal = (url: URL | string = origin.url): string => tokens.seal(String(url), 'test');
  const code = async (answer: Promise<Got>): Promise<unknown> => (await answer).json()['code'];

  it('sends the gatekeeper the range that it requests, and neither side a header of the other', async () => {
    const answer = await fetchMedia(seal(), {
      range: 'bytes=100-199',
      'user-agent': 'MediaProxy/3',
      cookie: 'a=1',
      referer: 'https://chat.example/17',
      'x-forwarded-for': '198.51.100.7',
      via: '1.1 edge',
    });
    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes 100-199/${fileBytes}`);
    const { headers } = origin.requests.at(-1)!;
    expect(Object.keys(headers).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'range',
    ]);
    expect(Object.keys(answer.headers)).not.toEqual(
      expect.arrayContaining(['server', 'set-cookie', 'via', 'x-request-id', 'last-modified']),
    );
    expect(JSON.stringify(answer.headers)).not.toMatch(/rack|juliet|cache-3|inode|image\/jpeg/);
  });

  it('resumes by the sealed ETag', async () => {
    const first = await fetchMedia(seal(), { range: 'bytes=0-9' });
    const etag = first.headers.etag!;
    expect(etag).not.toContain(originEtag.slice(1, -1));
    const rest = await fetchMedia(seal(), { range: `bytes=${fileBytes - 10}-`, 'if-range': etag });
    expect([rest.status, rest.headers['content-length']]).toEqual([206, '10']);
    expect(Buffer.from(rest.body)).toHaveLength(Buffer.from(bytesAt(fileBytes - 10, 10).toString()).length);
  });

  it('stops reading from the media server when the caller leaves', async () => {
    const before = origin.sent.bytes;
    const { body } = await served.start(`/media/${seal()}`, { client: known });
    await new Promise((resolve) => body.once('data', resolve));
    body.destroy();
    await sleep(300);
    const after = origin.sent.bytes;
    await sleep(300);
    expect(origin.sent.bytes).toBe(after);
    expect(after - before).toBeLessThan(fileBytes);
    expect(served.events).toContainEqual(expect.objectContaining({ end: 'reader-left' }));
  });

  it('gives the first byte before the media server has sent the last', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<void>();
    origin.override = (_, response) => {
      response.writeHead(200, { 'content-length': 2 }).write('a');
      void seen.then(() => response.end('b'));
    };
    const { body } = await served.start(`/media/${seal()}`, { client: known });
    let heard = '';
    body.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (heard === 'a') resolve();
    });
    await new Promise((ended) => body.once('end', ended));
    expect(heard).toBe('ab');
    origin.override = undefined;
  });

  it('is for the gatekeeper whose certificate is pinned', async () => {
    const answer = await served.ask(`/media/${seal()}`);
    expect([answer.status, answer.json()['code']]).toEqual([403, 'ERR_MEDIA_TOKEN_AUDIENCE']);
  });

  it('is not for another gatekeeper, known by an address that is not this one', async () => {
    expect(await code(fetchMedia(tokens.seal(origin.url.href, 'other')))).toBe('ERR_MEDIA_TOKEN_AUDIENCE');
  });

  it('refuses a token that was altered, has expired, or was sealed by a stranger', async () => {
    const token = seal();
    const altered = `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`;
    expect(await code(fetchMedia(altered))).toBe('ERR_MEDIA_TOKEN');
    const early = tokensOf(secrets[0], () => Date.now() - 3_602_000);
    expect(await code(fetchMedia(early.seal(origin.url.href, 'test')))).toBe('ERR_MEDIA_TOKEN_EXPIRED');
    expect(await code(fetchMedia(tokensOf(secrets[2]).seal(origin.url.href, 'test')))).toBe(
      'ERR_MEDIA_TOKEN',
    );
  });

  it('follows a rotation of its keys, with an overlap', async () => {
    expect((await fetchMedia(tokensOf(secrets[1]).seal(origin.url.href, 'test'))).status).toBe(200);
    await writeFile(`${folder.path}/media-key-old`, secrets[0]);
    await writeFile(`${folder.path}/media-key`, secrets[2]);
    await served.test.proxy.refresh();
    for (const [secret, status] of [
      [secrets[2], 200],
      [secrets[0], 200],
      [secrets[1], 404],
    ] as const)
      expect((await fetchMedia(tokensOf(secret).seal(origin.url.href, 'test'))).status).toBe(status);
  });

  it.each([
    ['a name that resolves to this machine', () => `http://localhost:${hidden.url.port}/`, 'ERR_MEDIA_ADDRESS'],
    ['an address of this machine, mapped into IPv6', () => 'https://[::ffff:127.0.0.1]/', 'ERR_MEDIA_ADDRESS'],
    ['a private address', () => 'https://10.0.0.1/', 'ERR_MEDIA_ADDRESS'],
    ['an address that is not on the list', () => hidden.url.href, 'ERR_MEDIA_ORIGIN'],
    ['a link-local address', () => 'http://169.254.169.254/latest/meta-data', 'ERR_MEDIA_ORIGIN'],
    ['a file', () => 'file:///etc/passwd', 'ERR_MEDIA_ORIGIN'],
  ])('is not sent to %s', async (_, url, refusal) => {
    expect(await code(fetchMedia(tokens.seal(url(), 'test')))).toBe(refusal);
    expect(hidden.requests).toEqual([]);
  }); // prettier-ignore

  it('does not follow the media server elsewhere', async () => {
    origin.override = (_, response) => void response.writeHead(302, { location: hidden.url.href }).end();
    expect(await code(fetchMedia(seal()))).toBe('ERR_MEDIA_REDIRECT');
    origin.override = undefined;
    expect(hidden.requests).toEqual([]);
  });

  it('connects to no other server for a client', async () => {
    expect(await code(served.ask(`/media/${tokens.seal(origin.url.href, clientsAudience)}`))).toBe(
      'ERR_MEDIA_ORIGIN',
    );
  });
});

it('media are not relayed where the policy does not let them be fetched', async () => {
  await using folder = await temporaryFolder();
  const policy = await folder.write(
    'own.yaml',
    `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: own }
spec:
  extends: balanced
  audiences: { provider: { media.fetch: drop } }
`,
  );
  const keyFile = await folder.write('key', secrets[0].toString('latin1'));
  const served = await startServed({
    proxy: { policy },
    provider: { media: { hosts: ['https://media.provider.example'], keyFiles: [keyFile] } },
    gatekeeper: () => ({ media: {} }),
  });
  const token = tokensOf(secrets[0]).seal('https://media.provider.example/a', 'test');
  const answer = await served.ask(`/media/${token}`);
  expect([answer.status, answer.json()['code']]).toEqual([403, 'ERR_MEDIA_POLICY']);
  await served.close();
});
