/** References to stored files, from the provider's request to the gatekeeper's download. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaTokens, referenceAudience } from '../../../src/http/media/token.ts';
import { createAuthority } from '../../support/certificates.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { bytesAt, originEtag, startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { publicUrl, startServed, type Ask, type ServedProxy } from '../support/served.ts';
import { httpVersions, type Got } from '../support/versions.ts';

const dayMs = 86_400_000;
const secrets = [Buffer.alloc(32, 'a'), Buffer.alloc(32, 'b'), Buffer.alloc(32, 'c')] as const;
const bearers = { next: `${'n'.repeat(40)}/+==`, old: 'o'.repeat(32) };
const mediaProxy = createAuthority('gatekeeper').issue({
  dns: ['media.gatekeeper.example'],
  usage: 'client',
});
const fileBytes = 300_000;
const storage = 'https://media.provider.example';

const both = ({ status, json }: Got): unknown[] => [status, json()['code']];
const inFolder = async (use: (folder: TemporaryFolder) => Promise<void>): Promise<void> => {
  await using folder = await temporaryFolder();
  await use(folder);
};

/** The name of a file whose address is as long as asked. */
const addressOf = (characters: number): string => `${storage}/`.padEnd(characters, 'a');

describe.each(httpVersions)('references to media over %s', (version) => {
  let folder: TemporaryFolder;
  let origin: MediaOrigin;
  let served: ServedProxy;

  beforeAll(async () => {
    folder = await temporaryFolder();
    origin = await startMediaOrigin(fileBytes, { host: '127.0.0.2' });
    const write = (name: string, text: string): Promise<string> => folder.write(name, text);
    const certFile = await write('media.crt', mediaProxy.cert);
    const media = {
      hosts: [origin.url.origin, storage, 'https://*.cdn.provider.example', 'https://10.0.0.1'],
      allowAddresses: [`${origin.url.hostname}/32`],
      keyFiles: [
        await write('media-key', secrets[0].toString('latin1')),
        await write('media-key-old', secrets[1].toString('latin1')),
      ],
      references: {
        bearerTokenFiles: [
          await write('bearer', `${bearers.next}\n`),
          await write('bearer-old', bearers.old),
        ],
        path: '/wire/files',
      },
    };
    served = await startServed({
      version,
      limits: { mediaReferencesPerSecondMax: 10_000, mediaReferenceAddressCharsMax: 300 },
      provider: { media },
      gatekeeper: () => ({ media: { certFile } }),
      proxy: {
        otherGatekeepers: [
          { name: 'other', connect: { address: '127.0.0.1:9', tls: 'direct' }, media: {} },
          { name: 'deaf', connect: { address: '127.0.0.1:9', tls: 'direct' } },
        ],
      },
    });
  });
  afterAll(async () => {
    await served.close();
    await origin.close();
    await folder[Symbol.asyncDispose]();
  });

  const issue = (body: unknown, more: Ask = {}): Promise<Got> =>
    served.ask('/media/references', {
      method: 'POST',
      body,
      ...more,
      headers: { authorization: `Bearer ${bearers.next}`, ...more.headers },
    });
  const issued = async (address = origin.url.href, gatekeeper = 'test'): Promise<string> => {
    const answer = await issue({ gatekeeper, address });
    expect(answer.status).toBe(200);
    return String(answer.json()['reference']);
  };
  const fetchBy = (reference: string, headers: Record<string, string> = {}, client = mediaProxy) =>
    served.ask(`/wire/files/${reference}`, { headers, client });
  const sealed = (secret: Buffer, now = Date.now(), gatekeeper = 'test'): string =>
    createMediaTokens({ secrets: [secret], lifetimeMs: dayMs, now: () => now }).seal(
      origin.url.href,
      referenceAudience(gatekeeper),
    );

  describe('are issued to the provider', () => {
    it('with the URL to fetch from and the end of their time, at least 35 days from now', async () => {
      const answer = await issue({ gatekeeper: 'test', address: `${storage}/u/juliet/1.jpg` });
      const { reference, url, expiresAt, ...rest } = answer.json();
      expect(rest).toEqual({});
      expect(reference).toMatch(/^[\w-]{1,255}$/);
      expect(url).toBe(`${publicUrl}/wire/files/${String(reference)}`);
      const left = Date.parse(String(expiresAt)) - Date.now();
      expect(left).toBeGreaterThan(35 * dayMs - 60_000);
      expect(left).toBeLessThanOrEqual(36 * dayMs);
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it('once for each file and gatekeeper, however often it asks', async () => {
      const again = await Promise.all([1, 2, 3].map(() => issued()));
      expect(new Set(again).size).toBe(1);
      expect(await issued(origin.url.href.toUpperCase().replace('HTTP', 'http'))).toBe(again[0]);
      expect(await issued(`${origin.url.href}?v=2`)).not.toBe(again[0]);
      expect(await issued(origin.url.href, 'other')).not.toBe(again[0]);
    });

    it('with lengths that say little of an address, and nothing of it in them', async () => {
      const short = ['/1', '/u/juliet/2026/11/letter.jpg'].map((path) => `${storage}${path}`);
      const made = await Promise.all([...short, addressOf(300)].map((address) => issued(address)));
      expect(made.map(({ length }) => length)).toEqual([215, 215, 556]);
      const contents = made.map((text) => Buffer.from(text, 'base64url').toString('latin1'));
      expect(contents.filter((text) => /provider|juliet|test|aaaa/.test(text))).toEqual([]);
    });

    it('by either of two bearer tokens while one replaces the other', async () => {
      const address = origin.url.href;
      const statuses = Object.values({ ...bearers, other: 'x'.repeat(32) }).map(async (token) => {
        const headers = { authorization: `Bearer ${token}` };
        return (await issue({ gatekeeper: 'test', address }, { headers })).status;
      });
      expect(await Promise.all(statuses)).toEqual([200, 200, 403]);
    });

    it.each<[string, unknown, number, string]>([
      ['another origin', { gatekeeper: 'test', address: 'https://elsewhere.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['another port', { gatekeeper: 'test', address: `${storage}:444/1` }, 403, 'ERR_MEDIA_ORIGIN'],
      ['another scheme', { gatekeeper: 'test', address: 'http://media.provider.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['an encrypted file’s scheme', { gatekeeper: 'test', address: 'aesgcm://media.provider.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['a user in the address', { gatekeeper: 'test', address: 'https://a:b@media.provider.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['a name above the wildcard', { gatekeeper: 'test', address: 'https://cdn.provider.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['a name that ends alike', { gatekeeper: 'test', address: 'https://evilcdn.provider.example/1' }, 403, 'ERR_MEDIA_ORIGIN'],
      ['an address inside the network', { gatekeeper: 'test', address: 'https://10.0.0.1/1' }, 502, 'ERR_MEDIA_ADDRESS'],
      ['a long address', { gatekeeper: 'test', address: addressOf(301) }, 422, 'ERR_MEDIA_REFERENCE_LENGTH'],
      ['one that grows long by its encoding', { gatekeeper: 'test', address: `${storage}/${'ä'.repeat(60)}` }, 422, 'ERR_MEDIA_REFERENCE_LENGTH'],
      ['a key in the fragment', { gatekeeper: 'test', address: `${storage}/1#00ff` }, 400, 'ERR_HTTP_MEMBER'],
      ['an empty fragment', { gatekeeper: 'test', address: `${storage}/1#` }, 400, 'ERR_HTTP_MEMBER'],
      ['a path', { gatekeeper: 'test', address: '/u/juliet/1' }, 400, 'ERR_HTTP_MEMBER'],
      ['no address', { gatekeeper: 'test' }, 400, 'ERR_HTTP_MEMBER'],
      ['an address that is no text', { gatekeeper: 'test', address: [`${storage}/1`] }, 400, 'ERR_HTTP_MEMBER'],
      ['no gatekeeper', { address: `${storage}/1` }, 400, 'ERR_HTTP_MEMBER'],
      ['another member', { gatekeeper: 'test', address: `${storage}/1`, expires: 1 }, 400, 'ERR_HTTP_MEMBER'],
      ['an unknown gatekeeper', { gatekeeper: 'none', address: `${storage}/1` }, 404, 'ERR_GATEKEEPER_UNKNOWN'],
      ['a gatekeeper that fetches no media', { gatekeeper: 'deaf', address: `${storage}/1` }, 404, 'ERR_GATEKEEPER_UNKNOWN'],
    ])('and refused for %s', async (_, body, status, code) => {
      const answer = await issue(body);
      expect(both(answer)).toEqual([status, code]);
      expect(answer.body).not.toMatch(/example|juliet|00ff|aaaa/);
    }); // prettier-ignore

    it('up to the longest address, and a subdomain of a wildcard', async () => {
      expect((await issue({ gatekeeper: 'test', address: addressOf(300) })).status).toBe(200);
      const address = 'https://eu.cdn.provider.example/1';
      expect((await issue({ gatekeeper: 'test', address })).status).toBe(200);
    });

    it.each<[string, Ask, number, string]>([
      ['without a token', { headers: { authorization: '' } }, 401, 'ERR_TOKEN_MISSING'],
      ['with another scheme', { headers: { authorization: `Basic ${bearers.next}` } }, 401, 'ERR_TOKEN_MISSING'],
      ['with half a token', { headers: { authorization: `Bearer ${bearers.next.slice(0, 20)}` } }, 403, 'ERR_MEDIA_REFERENCE_CALLER'],
      ['of another type', { headers: { 'content-type': 'text/plain' } }, 415, 'ERR_HTTP_BODY_TYPE'],
      ['with another method', { method: 'PUT' }, 405, 'ERR_HTTP_METHOD'],
      ['with a large body', { body: { gatekeeper: 'x'.repeat(20_000) } }, 413, 'ERR_HTTP_BODY_TOO_LARGE'],
    ])('and refused %s', async (_, ask, status, code) => {
      expect(both(await issue({ gatekeeper: 'test', address: origin.url.href }, ask))).toEqual([status, code]);
    }); // prettier-ignore

    it.each([
      ['none', 1_000_000_000],
      ['a wrong one', 1_000_000_000],
      ['a wrong one', 1_000],
    ])('after the token: with %s nothing of a body of %i bytes is waited for', async (token, bytes) => {
      const shown = token === 'none' ? '' : `Authorization: Bearer ${'x'.repeat(32)}\r\n`;
      const head = `POST /media/references HTTP/1.1\r\nHost: proxy.example\r\nContent-Type: application/json\r\n${shown}`;
      const socket = connect({ port: served.port, host: '127.0.0.1', rejectUnauthorized: false });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      // A connection that is cut while bytes are on their way is reset.
      socket.on('error', () => {});
      socket.write(`${head}Content-Length: ${bytes}\r\n\r\n`);
      const answer = String(await once(socket, 'data').then(([chunk]) => chunk as Buffer));
      expect(answer).toMatch(token === 'none' ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 403 /);
      // A flood of bytes that were announced ends the connection.
      const flood = setInterval(() => socket.writable && socket.write(Buffer.alloc(65_536)), 5);
      await closed;
      clearInterval(flood);
      expect(socket.bytesWritten).toBeLessThan(16_000_000);
    });

    it('by a POST only, and the path says so', async () => {
      const answer = await served.ask('/media/references');
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    });
  });

  describe('are fetched by the gatekeeper', () => {
    it('with or without a slash at the end', async () => {
      const reference = await issued();
      for (const spelling of [reference, `${reference}/`]) {
        const answer = await fetchBy(spelling);
        expect([answer.status, answer.headers['content-length']]).toEqual([200, String(fileBytes)]);
      }
      expect(both(await fetchBy(`${reference}/1`))).toEqual([404, 'ERR_HTTP_NOT_FOUND']);
      expect(both(await fetchBy(''))).toEqual([404, 'ERR_HTTP_NOT_FOUND']);
    });

    it('in parts, and again from where they broke off', async () => {
      const reference = await issued();
      const first = await fetchBy(reference, { range: 'bytes=0-99' });
      expect([first.status, first.headers['content-range']]).toEqual([206, `bytes 0-99/${fileBytes}`]);
      const etag = first.headers.etag!;
      expect(etag).not.toContain(originEtag.slice(1, -1));
      const rest = await fetchBy(reference, { range: `bytes=${fileBytes - 5}-`, 'if-range': etag });
      expect([rest.status, rest.body]).toEqual([206, bytesAt(fileBytes - 5, 5).toString()]);
      expect((await fetchBy(reference, { 'if-none-match': etag })).status).toBe(304);
      const asked = origin.requests.at(-1)!.headers;
      expect(asked['if-none-match']).toBe(originEtag);
    });

    it('with HEAD and GET only', async () => {
      const path = `/wire/files/${await issued()}`;
      const head = await served.ask(path, { method: 'HEAD', client: mediaProxy });
      expect([head.status, head.headers['content-length'], head.body]).toEqual([200, String(fileBytes), '']);
      const post = await served.ask(path, { method: 'POST', client: mediaProxy });
      expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
    });

    it('by its pinned certificate only', async () => {
      const answer = await served.ask(`/wire/files/${await issued()}`);
      expect(both(answer)).toEqual([403, 'ERR_MEDIA_TOKEN_AUDIENCE']);
    });

    it('each its own: another gatekeeper’s is refused', async () => {
      // The other one pins nothing, so that any caller may be it.
      const other = await issued(origin.url.href, 'other');
      expect((await served.ask(`/wire/files/${other}`)).status).toBe(200);
      const mine = await issued();
      expect(both(await served.ask(`/wire/files/${mine}`))).toEqual([403, 'ERR_MEDIA_TOKEN_AUDIENCE']);
      expect((await fetchBy(mine)).status).toBe(200);
      const absent = sealed(secrets[0], Date.now(), 'deaf');
      expect(both(await fetchBy(absent))).toEqual([403, 'ERR_MEDIA_TOKEN_AUDIENCE']);
    });

    it.each<[string, () => Promise<string> | string, number, string]>([
      ['altered', async () => (await issued()).replace(/.(?=.{30}$)/, (c) => (c === 'A' ? 'B' : 'A')), 404, 'ERR_MEDIA_TOKEN'],
      ['cut short', async () => (await issued()).slice(0, -1), 404, 'ERR_MEDIA_TOKEN'],
      ['cut to another length of references', async () => (await issued(addressOf(300))).slice(0, 215), 404, 'ERR_MEDIA_TOKEN'],
      ['made longer', async () => `${await issued()}A`, 404, 'ERR_MEDIA_TOKEN'],
      ['sealed under a foreign key', () => sealed(secrets[2]), 404, 'ERR_MEDIA_TOKEN'],
      ['expired', () => sealed(secrets[0], Date.now() - dayMs - 1_000), 410, 'ERR_MEDIA_TOKEN_EXPIRED'],
      ['of no form', () => '%00', 404, 'ERR_MEDIA_TOKEN'],
    ])('and refused when %s', async (_, reference, status, code) => {
      const before = origin.requests.length;
      expect(both(await fetchBy(await reference()))).toEqual([status, code]);
      expect(origin.requests.length).toBe(before);
    }); // prettier-ignore

    it('and are no addresses of messages', async () => {
      const path = `/media/${await issued()}`;
      expect(both(await served.ask(path, { client: mediaProxy }))).toEqual([403, 'ERR_MEDIA_TOKEN_AUDIENCE']);
      expect(both(await served.ask(`/media/references/${await issued()}`))).toEqual([
        404,
        'ERR_HTTP_NOT_FOUND',
      ]);
    });

    it('under either of two secrets while one replaces the other', async () => {
      const first = await issued();
      expect((await fetchBy(sealed(secrets[1]))).status).toBe(200);
      await writeFile(`${folder.path}/media-key-old`, secrets[0]);
      await writeFile(`${folder.path}/media-key`, secrets[2]);
      await served.test.proxy.refresh();
      expect((await fetchBy(first)).status).toBe(200);
      expect(await issued()).not.toBe(first);
      expect((await fetchBy(sealed(secrets[1]))).status).toBe(404);
    });

    it('and counted by the name of the route', async () => {
      await fetchBy(await issued());
      const names = served.events.flatMap((event) => (event.event === 'answered' ? [event.route] : []));
      expect(new Set(names)).toEqual(
        new Set(['/media/references', '/media/references/:reference', '/media/:token', '*']),
      );
      expect(JSON.stringify(served.events)).not.toMatch(/provider\.example|juliet|127\.0\.0\.2|wire/);
    });
  });
});

describe('a provider that is known by its certificate', () => {
  const authority = createAuthority('provider');
  const uploader = authority.issue({ dns: ['upload.provider.example'], usage: 'client' });
  const stranger = authority.issue({ dns: ['upload.provider.example'], usage: 'client' });
  const body = { gatekeeper: 'test', address: `${storage}/1` };

  const start = (references: object, keyFile: string): Promise<ServedProxy> =>
    startServed({
      limits: { mediaReferencesPerSecondMax: 3 },
      provider: { media: { hosts: [storage], keyFiles: [keyFile], references } },
      gatekeeper: () => ({ media: {} }),
    });

  it('asks for references, up to a rate, which strangers do not use up', () =>
    inFolder(async (folder) => {
      const certFile = await folder.write('upload.crt', uploader.cert);
      const served = await start({ certFile }, await folder.write('key', secrets[0].toString('latin1')));
      const issue = (client?: typeof uploader): Promise<Got> =>
        served.ask('/media/references', { method: 'POST', body, ...(client && { client }) });
      for (const client of Array.from({ length: 10 }, (_, index) => (index % 2 ? stranger : undefined)))
        expect(both(await issue(client))).toEqual([403, 'ERR_MEDIA_REFERENCE_CALLER']);
      const answers = await Promise.all(Array.from({ length: 12 }, () => issue(uploader)));
      const refused = answers.filter(({ status }) => status === 429);
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(3);
      expect(refused.length).toBeGreaterThan(0);
      expect([refused[0]!.json()['code'], refused[0]!.headers['retry-after']]).toEqual([
        'ERR_MEDIA_REFERENCE_RATE',
        '1',
      ]);
      await served.close();
    }));

  it('needs a token as well where both are set', () =>
    inFolder(async (folder) => {
      const references = {
        certFile: await folder.write('upload.crt', uploader.cert),
        bearerTokenFiles: [await folder.write('bearer', bearers.old)],
      };
      const served = await start(references, await folder.write('key', secrets[0].toString('latin1')));
      const issue = async (client: typeof uploader, token?: string): Promise<number> => {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        return (await served.ask('/media/references', { method: 'POST', body, client, headers })).status;
      };
      expect(await issue(uploader)).toBe(401);
      expect(await issue(stranger, bearers.old)).toBe(403);
      expect(await issue(uploader, bearers.next)).toBe(403);
      expect(await issue(uploader, bearers.old)).toBe(200);
      await served.close();
    }));
});

it('a file whose download the policy refuses is not fetched by reference either', () =>
  inFolder(async (folder) => {
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
    const references = { bearerTokenFiles: [await folder.write('bearer', bearers.old)] };
    const served = await startServed({
      proxy: { policy },
      provider: { media: { hosts: [storage], keyFiles: [keyFile], references } },
      gatekeeper: () => ({ media: {} }),
    });
    const headers = { authorization: `Bearer ${bearers.old}` };
    const body = { gatekeeper: 'test', address: `${storage}/1` };
    const answer = await served.ask('/media/references', { method: 'POST', body, headers });
    const { pathname } = new URL(String(answer.json()['url']));
    expect(both(await served.ask(pathname))).toEqual([403, 'ERR_MEDIA_POLICY']);
    await served.close();
  }));
