/** A file stored on nginx, referred to, and fetched by curl as the gatekeeper's media proxy: whole, in parts, resumed and
 *  revalidated. Upload server and media proxy are known by their certificates. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programs } from '../peers/programs.ts';
import { startProcess, type PeerProcess } from '../peers/process.ts';
import { ready } from '../peers/ready.ts';
import { describeWithPeers } from '../peers/require.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

// More than a part that the relay reads in one piece, and enough for its way around the HTTP parser.
const fileBytes = 9_000_001;
const uploader = createAuthority('provider').issue({ dns: ['upload.provider.example'], usage: 'client' });
const mediaProxy = createAuthority('gatekeeper').issue({
  dns: ['media.gatekeeper.example'],
  usage: 'client',
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

describeWithPeers(['nginx', 'curl'], 'a reference to a file on nginx, fetched by curl', () => {
  describe.each(['http1.1', 'http2'])('over %s', (version) => {
    let folder: TemporaryFolder;
    let nginx: PeerProcess;
    let proxy: ServeProcess;
    let storage: string;
    let reference: string;
    const content = randomBytes(fileBytes);
    const inFolder = (name: string): string => join(folder.path, name);

    beforeAll(async () => {
      folder = await temporaryFolder();
      await folder.write('upload.pem', uploader.cert + uploader.key);
      await folder.write('media.pem', mediaProxy.cert + mediaProxy.key);
      writeFileSync(inFolder('letter'), content);
      const port = await freePort();
      storage = `http://127.0.0.1:${port}`;
      await folder.write('nginx.conf', nginxConfig(folder.path, port));
      const command = { program: programs.nginx, args: ['-c', inFolder('nginx.conf')] };
      nginx = startProcess({ ...command, folder: folder.path, log: inFolder('nginx.out') });
      await ready('nginx', nginx, 10_000, async () => void (await fetch(storage)));
      proxy = await serveProcess({
        files: { 'upload.crt': uploader.cert, 'media.crt': mediaProxy.cert, 'media-key': 'm'.repeat(32) },
        gatekeeper: { media: { certFile: 'media.crt' } },
        config: {
          http: { host: '127.0.0.1', port: 0, publicUrl: 'https://proxy.example' },
          provider: {
            issuer: 'https://id.provider.example',
            jwksUri: 'https://id.provider.example/jwks',
            audiences: ['https://gatekeeper.example'],
            media: {
              hosts: [storage],
              allowAddresses: ['127.0.0.1/32'],
              keyFiles: ['media-key'],
              references: { certFile: 'upload.crt', path: '/files' },
            },
          },
        },
      });
      await folder.write('ca.pem', proxy.ca);
      // The upload: a PUT, whose answer has no reference. Then the upload server asks for one.
      await curl('-T', inFolder('letter'), `${storage}/u/juliet/letter`);
      reference = (JSON.parse((await refer()).body) as { reference: string }).reference;
    });
    afterAll(async () => {
      const exit = await proxy?.stop();
      await nginx?.stop();
      await folder[Symbol.asyncDispose]();
      expect(exit).toBe(0);
    });

    async function curl(...args: readonly string[]): Promise<Answer> {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const usual = ['--silent', '--show-error', '--max-time', '20', '--write-out', '\n%{http_code}'];
      execFile(
        programs.curl,
        [...usual, ...args],
        { encoding: 'latin1', env: {} },
        (error, stdout, stderr) => {
          if (error) reject(new Error(stderr));
          const at = stdout.lastIndexOf('\n');
          resolve({ status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) });
        },
      );
      return promise;
    }

    /** Arguments for a request to the proxy by the holder of a certificate. */
    const asking = (path: string, certificate: string): string[] => {
      const endpoint = `proxy.example:443:127.0.0.1:${proxy.httpPort}`;
      const files = ['--cacert', inFolder('ca.pem'), '--cert', inFolder(certificate)];
      return [`--${version}`, ...files, '--connect-to', endpoint, `https://proxy.example${path}`];
    };

    function refer(certificate = 'upload.pem'): Promise<Answer> {
      const body = JSON.stringify({ gatekeeper: 'test', address: `${storage}/u/juliet/letter` });
      return curl('--json', body, ...asking('/media/references', certificate));
    }

    const fetchTo = (name: string, ...args: readonly string[]): Promise<Answer> =>
      curl('--output', inFolder(name), ...args, ...asking(`/files/${reference}`, 'media.pem'));
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    const isWhole = (name: string): boolean => digest(readFileSync(inFolder(name))) === digest(content);

    it('is the same when asked for again, and for no other certificate', async () => {
      const again = await refer();
      expect([again.status, JSON.parse(again.body)]).toEqual([200, expect.objectContaining({ reference })]);
      const refused = await refer('media.pem');
      expect([refused.status, JSON.parse(refused.body)]).toEqual([
        403,
        expect.objectContaining({ code: 'ERR_MEDIA_REFERENCE_CALLER' }),
      ]);
    });

    it('gives every byte, with and without a slash at its end', async () => {
      const whole = await fetchTo('whole', '--write-out', '%{http_version}\n%{http_code}');
      expect([whole.body, whole.status]).toEqual([version === 'http2' ? '2' : '1.1', 200]);
      expect(isWhole('whole')).toBe(true);
      const slash = asking(`/files/${reference}/`, 'media.pem');
      expect((await curl('--output', inFolder('slash'), ...slash)).status).toBe(200);
      expect(isWhole('slash')).toBe(true);
    });

    it.each([
      ['0-99', 0, 100],
      ['8999900-', 8_999_900, 101],
      ['-7', fileBytes - 7, 7],
      ['1000000-7000000', 1_000_000, 6_000_001],
    ])('gives the range %s', async (range, start, length) => {
      const name = `part${range}`;
      expect((await fetchTo(name, '--range', range)).status).toBe(206);
      const part = content.subarray(start, start + length);
      expect(digest(readFileSync(inFolder(name)))).toBe(digest(part));
    });

    it('is resumed from what was there', async () => {
      writeFileSync(inFolder('half'), content);
      truncateSync(inFolder('half'), 4_000_000);
      expect((await fetchTo('half', '--continue-at', '-')).status).toBe(206);
      expect(statSync(inFolder('half')).size).toBe(fileBytes);
      expect(isWhole('half')).toBe(true);
    });

    it('is not sent again to a reader that has it, until it has changed', async () => {
      const tag = inFolder('tag');
      expect((await fetchTo('tagged', '--etag-save', tag)).status).toBe(200);
      expect((await fetchTo('tagged', '--etag-compare', tag)).status).toBe(304);
      await curl('-T', inFolder('media.pem'), `${storage}/u/juliet/letter`);
      const changed = await fetchTo('changed', '--etag-compare', tag);
      expect(changed.status).toBe(200);
      expect(digest(readFileSync(inFolder('changed')))).toBe(digest(readFileSync(inFolder('media.pem'))));
      // A part of the earlier version is not completed with one of this.
      const etag = readFileSync(tag, 'utf8').trim();
      const resumed = await fetchTo('resumed', '--range', '10-', '--header', `If-Range: ${etag}`);
      expect(resumed.status).toBe(200);
      await curl('-T', inFolder('letter'), `${storage}/u/juliet/letter`);
    });

    it('gives nothing to the holder of another certificate, nor to one without', async () => {
    for (const certificate of ['upload.pem', undefined]) {
      const args = asking(`/files/${reference}`, certificate ?? 'media.pem');
      const sent = certificate === undefined ? args.filter((arg, at) => arg !== '--cert' && args[at - 1] !== '--cert') : args;
      const { status, body } = await curl(...sent);
      expect([status, JSON.parse(body)]).toEqual([403, expect.objectContaining({ code: 'ERR_MEDIA_TOKEN_AUDIENCE' })]);
    }
  }); // prettier-ignore

    it('names neither file nor reference in what the proxy writes', () => {
      expect(proxy.printed()).not.toMatch(/juliet|letter/);
      expect(proxy.printed()).not.toContain(reference.slice(0, 20));
      expect(proxy.printed()).not.toContain(new URL(storage).port);
    });
  });
});

function nginxConfig(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/tmp-${kind};`)
    .join(' ');
  const store = 'dav_methods PUT; create_full_put_path on; client_max_body_size 64m;';
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; user root;
events { worker_connections 64; }
http { access_log off; sendfile on; ${temporary}
  server { listen 127.0.0.1:${port}; root ${folder}/store; location / { ${store} } }
}
`;
}
