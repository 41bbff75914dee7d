import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { startMediaOrigin, type MediaOrigin } from '../http/support/media-origin.ts';
import { openRequester } from '../http/support/versions.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';

/** Several times what memory may grow by; `npm run long -- media-memory` has 2 GiB, by MEDIA_BYTES. */
const fileBytes = Number(process.env['MEDIA_BYTES'] ?? 512 * 1024 ** 2);
/** Over HTTP/2 Node copies each frame on its way through JavaScript, and leaves the copies to the garbage collector. */
const growthMaxMiB = { 'HTTP/1.1': 50, 'HTTP/2': 120 };
const pageBytes = 4_096;
const secret = 'm'.repeat(32);
const bearer = 'b'.repeat(32);

function residentMiB(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes) / 1024 ** 2;
}

describe.each([
  ['a sealed address', 'HTTP/1.1'],
  ['a sealed address', 'HTTP/2'],
  ['a reference', 'HTTP/1.1'],
] as const)('a download by %s of a served proxy, over %s', (name, version) => {
  let origin: MediaOrigin;
  let proxy: ServeProcess;
  let path: string;

  beforeAll(async () => {
    origin = await startMediaOrigin(fileBytes, { plain: true });
    proxy = await serveProcess({
      config: {
        http: { host: '127.0.0.1', port: 0, publicUrl: 'https://proxy.example' },
        provider: {
          issuer: 'https://id.provider.example',
          jwksUri: 'https://id.provider.example/jwks',
          audiences: ['https://gatekeeper.example'],
          media: {
            hosts: [origin.url.origin],
            allowAddresses: ['127.0.0.1/32'],
            keyFiles: ['media-key'],
            references: { bearerTokenFiles: ['bearer'] },
          },
        },
      },
      gatekeeper: { media: {} },
      files: { 'media-key': secret, bearer },
    });
    path = await (name === 'a reference' ? referencePath() : sealedPath());
  });
  afterAll(async () => {
    expect(await proxy.stop()).toBe(0);
    await origin.close();
  });

  const target = () => ({
    port: proxy.httpPort,
    host: '127.0.0.1',
    servername: 'proxy.example',
    ca: proxy.ca,
  });

  async function sealedPath(): Promise<string> {
    const tokens = createMediaTokens({
      secrets: [Buffer.from(secret)],
      lifetimeMs: 600_000,
      now: () => Date.now(),
    });
    return `/media/${tokens.seal(origin.url.href, 'test')}`;
  }

  /** Asks the proxy for a reference, as the provider does. */
  async function referencePath(): Promise<string> {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ gatekeeper: 'test', address: origin.url.href });
    const requester = openRequester(version, target());
    const got = await requester.request({ method: 'POST', path: '/media/references', headers, body });
    requester.close();
    return new URL(String(got.json()['url'])).pathname;
  }

  /** Reads and counts. */
  async function download(headers: Record<string, string> = {}): Promise<number> {
    const requester = openRequester(version, target());
    const { body } = await requester.start({ method: 'GET', path, headers, body: undefined });
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    requester.close();
    return bytes;
  }

  it(`streams ${fileBytes / 1024 ** 2} MiB with memory that stays under ${growthMaxMiB[version]} MiB over the start`, async () => {
    expect(await download({ range: 'bytes=0-9999' })).toBe(10_000);
    const before = residentMiB(proxy.child.pid!);
    let most = 0;
    const sampling = setInterval(() => (most = Math.max(most, residentMiB(proxy.child.pid!))), 25);
    const bytes = await download();
    clearInterval(sampling);
    expect(bytes).toBe(fileBytes);
    expect(most).toBeGreaterThan(0);
    console.log(`resident: ${Math.round(before)} MiB before, ${Math.round(most)} MiB at most`);
    expect(most - before).toBeLessThan(growthMaxMiB[version]);
  });
});
