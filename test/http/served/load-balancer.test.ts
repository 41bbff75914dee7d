import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaTokens } from '../../../src/http/media/token.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { publicUrl, startServed, type ServedProxy } from '../support/served.ts';
import { httpVersions, openRequester } from '../support/versions.ts';

const secret = 'm'.repeat(32);

describe.each(httpVersions)('behind a load balancer that states its client, over %s', (version) => {
  let folder: TemporaryFolder;
  let origin: MediaOrigin;
  let served: ServedProxy;
  let path: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    origin = await startMediaOrigin(10);
    served = await startServed({
      provider: {
        media: {
          hosts: [origin.url.origin],
          allowAddresses: ['127.0.0.1/32'],
          keyFiles: [await folder.write('key', secret)],
        },
      },
      gatekeeper: () => ({ media: { addresses: ['192.0.2.0/24'] } }),
      proxy: { http: { publicUrl, proxyProtocol: { trusted: ['127.0.0.0/8'] } } },
    });
    const tokens = createMediaTokens({
      secrets: [Buffer.from(secret)],
      lifetimeMs: 60_000,
      now: () => Date.now(),
    });
    path = `/media/${tokens.seal(origin.url.href, 'test')}`;
  });
  afterAll(async () => {
    await served.close();
    await origin.close();
    await folder[Symbol.asyncDispose]();
  });

  /** The status of the answer to one request after this header; undefined when the connection is closed. */
  const ask = async (header: string): Promise<number | undefined> => {
    const socket = connect(served.port, '127.0.0.1');
    socket.write(header);
    const target = { host: '127.0.0.1', port: served.port, servername: 'proxy.example', socket };
    const requester = openRequester(version, { ...target, rejectUnauthorized: false });
    try {
      const sent = { method: 'GET', path, headers: { host: 'a' }, body: undefined };
      return (await requester.request(sent)).status;
    } catch {
      return undefined;
    } finally {
      requester.close();
      socket.destroy();
    }
  };

  it('a gatekeeper is known by its own address, not by that of the balancer', async () => {
    expect(await ask('PROXY TCP4 192.0.2.9 192.0.2.1 40000 443\r\n')).toBe(200);
    expect(await ask('PROXY TCP4 198.51.100.7 192.0.2.1 40000 443\r\n')).toBe(403);
    expect(await ask('PROXY UNKNOWN\r\n')).toBe(403);
  });

  it('a connection without a header is closed', async () => {
    expect(await ask('')).toBeUndefined();
  });
});
