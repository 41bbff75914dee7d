import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaTokens } from '../../../src/http/media/token.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { statuses } from '../support/malformed.ts';
import { startMediaOrigin, type MediaOrigin } from '../support/media-origin.ts';
import { publicUrl, startServed, type ServedProxy } from '../support/served.ts';

const secret = 'm'.repeat(32);

describe('behind a load balancer that states its client', () => {
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

  /** The statuses of what is answered to one request after this header; none when the connection is closed. */
  const ask = (header: string): Promise<string[]> =>
    new Promise((resolve) => {
      const plain = connectPlain(served.port, '127.0.0.1', () => {
        plain.write(header);
        const socket = connect({ socket: plain, servername: 'proxy.example', rejectUnauthorized: false });
        let answer = '';
        socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
        socket.on('error', () => {});
        socket.on('close', () => resolve(statuses(answer)));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      });
    });

  it('a gatekeeper is known by its own address, not by that of the balancer', async () => {
    expect(await ask('PROXY TCP4 192.0.2.9 192.0.2.1 40000 443\r\n')).toEqual(['200']);
    expect(await ask('PROXY TCP4 198.51.100.7 192.0.2.1 40000 443\r\n')).toEqual(['403']);
    expect(await ask('PROXY UNKNOWN\r\n')).toEqual(['403']);
  });

  it('a connection without a header is closed', async () => {
    expect(await ask('')).toEqual([]);
  });
});
