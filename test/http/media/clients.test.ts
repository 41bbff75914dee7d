/** What clients fetch through the relay is in the storage of a gatekeeper: each with rules of its own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientsAudience } from '../../../src/http/media/token.ts';
import { createSsrfGuard } from '../../../src/http/media/ssrf.ts';
import { bytesAt, startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { serveMedia, type MediaRelayUnderTest } from '../support/media.ts';
import { codeOf } from '../support/party.ts';

const fileBytes = 100_000;

describe('a download of a client', () => {
  let near: MediaOrigin;
  let far: MediaOrigin;
  let relay: MediaRelayUnderTest;

  beforeEach(async () => {
    near = await startMediaOrigin(fileBytes);
    far = await startMediaOrigin(fileBytes);
    relay = await serveMedia(['https://media.provider.example'], {
      gatekeepers: [
        { guard: createSsrfGuard({ origins: [far.url.origin] }) },
        { guard: createSsrfGuard({ origins: [near.url.origin], allowAddresses: ['127.0.0.1/32'] }) },
      ],
    });
  });
  afterEach(async () => {
    await relay.close();
    await Promise.all([near.close(), far.close()]);
  });

  const get = (url: URL | string, audience = clientsAudience): Promise<Response> =>
    fetch(relay.through(url, audience), { headers: { 'user-agent': 'Balcony/1.4', cookie: 'c=1' } });

  it('is fetched from the storage of that origin, which receives nothing of the client', async () => {
    const answer = await get(new URL('/u/romeo/1.png', near.url));
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytesAt(0, fileBytes))).toBe(true);
    expect(answer.headers.has('set-cookie')).toBe(false);
    expect(near.requests[0]!.headers).toEqual({
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      host: near.url.host,
    });
  });

  it('is not let near an address because another gatekeeper is', async () => {
    const answer = await get(new URL('/u/romeo/1.png', far.url));
    expect([answer.status, await codeOf(answer), far.requests]).toEqual([502, 'ERR_MEDIA_ADDRESS', []]);
  });

  it.each([
    ["the provider's", 'https://media.provider.example/1.png'],
    ['no gatekeeper’s', 'https://elsewhere.example/1.png'],
    ['no address', 'nonsense'],
  ])('is fetched from no other origin: %s', async (_, url) => {
    const answer = await get(url);
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'ERR_MEDIA_ORIGIN']);
  });

  it("gives a gatekeeper no access to another's storage", async () => {
    const answer = await get(new URL('/u/romeo/1.png', near.url), 'gatekeeper.example');
    expect([await codeOf(answer), near.requests]).toEqual(['ERR_MEDIA_ORIGIN', []]);
  });
});
