/** The public port for curl and Chromium, which choose HTTP/2 by themselves. */
import { execFile } from 'node:child_process';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { startMediaOrigin, type MediaOrigin } from '../http/support/media-origin.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const secret = 'm'.repeat(32);
const fileBytes = 5_000_001;
/** A browser starts slowly where processors are shared. */
const slowMs = 180_000;

describeWithPeers(['curl', 'chromium'], 'clients of HTTP/2', () => {
  let folder: TemporaryFolder;
  let origin: MediaOrigin;
  let proxy: ServeProcess;
  let media: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    origin = await startMediaOrigin(fileBytes);
    proxy = await serveProcess({
      files: { 'media-key': secret },
      gatekeeper: { media: {} },
      config: {
        http: {
          host: '127.0.0.1',
          port: 0,
          publicUrl: 'https://proxy.example',
          websocketUrl: 'wss://proxy.example/xmpp',
        },
        provider: {
          issuer: 'https://id.provider.example',
          jwksUri: 'https://id.provider.example/jwks',
          audiences: ['https://gatekeeper.example'],
          media: { hosts: [origin.url.origin], allowAddresses: ['127.0.0.1/32'], keyFiles: ['media-key'] },
        },
      },
    });
    await folder.write('ca.pem', proxy.ca);
    const tokens = createMediaTokens({
      secrets: [Buffer.from(secret)],
      lifetimeMs: 600_000,
      now: () => Date.now(),
    });
    media = `/media/${tokens.seal(origin.url.href, 'test')}`;
  });
  afterAll(async () => {
    const exit = await proxy.stop();
    await origin.close();
    await folder[Symbol.asyncDispose]();
    expect(exit).toBe(0);
  });

  /** Returns version, status and bytes of each answer, as curl says them. */
  function curl(paths: readonly string[], ...args: readonly string[]): Promise<string[]> {
    const endpoint = `proxy.example:443:127.0.0.1:${proxy.httpPort}`;
    const usual = ['--silent', '--show-error', '--max-time', '20', '--cacert', `${folder.path}/ca.pem`, '--connect-to', endpoint]; // prettier-ignore
    const each = paths.flatMap((path) => ['--output', '/dev/null', `https://proxy.example${path}`]);
    const shown = ['--write-out', '%{http_version} %{http_code} %{size_download}\\n'];
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    execFile(programs.curl, [...usual, ...shown, ...args, ...each], { env: {} }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr));
      resolve(stdout.trim().split('\n'));
    });
    return promise;
  }

  it('curl chooses HTTP/2 by itself, and HTTP/1.1 where it is given the option', async () => {
    const path = '/.well-known/host-meta.json';
    expect(await curl([path])).toEqual([expect.stringMatching(/^2 200 /)]);
    expect(await curl([path], '--http1.1')).toEqual([expect.stringMatching(/^1\.1 200 /)]);
    expect(await curl(['/nothing'], '--http2')).toEqual([expect.stringMatching(/^2 404 /)]);
  });

  it('curl downloads media, whole and in parts, many at once over one connection', async () => {
    expect(await curl([media])).toEqual([`2 200 ${fileBytes}`]);
    expect(await curl([media], '--range', '100-199')).toEqual(['2 206 100']);
    const many = Array.from({ length: 20 }, () => media);
    expect(new Set(await curl(many, '--parallel', '--parallel-max', '20'))).toEqual(
      new Set([`2 200 ${fileBytes}`]),
    );
  });

  it('curl sends a body', async () => {
    const body = ['--json', '{"gatekeeper":"test"}'];
    expect(await curl(['/push/test'], ...body)).toEqual([expect.stringMatching(/^2 40[134] /)]);
  });

  it(
    'Chromium fetches over HTTP/2',
    async () => {
      const browser: Browser = await chromium.launch({
        executablePath: programs.chromium,
        args: [
          '--no-sandbox',
          '--disable-dev-shm-usage',
          '--host-resolver-rules=MAP proxy.example 127.0.0.1',
        ],
        timeout: slowMs,
      });
      try {
        const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true });
        const page = await context.newPage();
        const base = `https://proxy.example:${proxy.httpPort}`;
        await page.goto(`${base}/.well-known/host-meta.json`, { timeout: slowMs });
        const found = (await page.evaluate(`(async () => {
        const answers = await Promise.all(
          Array.from({ length: 30 }, () => fetch('${media}', { headers: { range: 'bytes=0-99' } })),
        );
        const bytes = await Promise.all(answers.map(async (answer) => (await answer.arrayBuffer()).byteLength));
        const entries = performance.getEntriesByType('resource');
        return { statuses: answers.map(({ status }) => status), bytes, protocols: entries.map(({ nextHopProtocol }) => nextHopProtocol) };
      })()`)) as { statuses: number[]; bytes: number[]; protocols: string[] };
        expect(new Set(found.statuses)).toEqual(new Set([206]));
        expect(new Set(found.bytes)).toEqual(new Set([100]));
        expect(new Set(found.protocols)).toEqual(new Set(['h2']));
      } finally {
        await browser.close();
      }
    },
    slowMs,
  );
});
