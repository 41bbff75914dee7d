import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** What a gatekeeper writes: everything it needs is an entry point of the package, none of it is reached by a path. */
const receiver = `
import { parseJwks, staticKeys } from 'narthex/jwks';
import { attestationTypeDefault, unpackAttestation } from 'narthex/packed-attestation';
import { ProxyProtocolReader } from 'narthex/proxy-protocol';
import { createVerifier } from 'narthex/verify';
const [jwks, header] = process.argv.slice(2);
const progress = new ProxyProtocolReader().push(Buffer.from(header, 'hex'));
const verifier = createVerifier({
  keys: staticKeys(parseJwks(JSON.parse(jwks))),
  issuer: 'proxy.example',
  audience: 'gatekeeper.example',
  clock: () => 1_795_435_201_000,
});
const sha256 = Buffer.alloc(32, 0xce);
const packed = progress.header.fields.others.get(attestationTypeDefault);
const answer = await verifier.verify(unpackAttestation(packed), { kind: 'certificate', sha256 });
console.log(JSON.stringify([answer.kind, answer.claims.signals.client_ip.address]));
`;

describe('the library for gatekeepers', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'narthex-package-'));
    await cp(join(root, 'package.json'), join(folder, 'package.json'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const tsc = join(root, 'node_modules/.bin/tsc');
    await run(tsc, ['-p', join(root, 'tsconfig.json'), '--outDir', join(folder, 'dist')]);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('accepts the example of the documentation, built and imported by its name', async () => {
    const page = await readFile(join(root, 'docs/connection-signals.md'), 'utf8');
    const example = (name: string): string =>
      new RegExp(`<!-- example: ${name} -->\n\n\`\`\`\\w+\n([^\`]+)\`\`\``).exec(page)![1]!;
    const header = example('proxy-header').split('\n\n')[0]!.replaceAll('\n', '');
    await writeFile(join(folder, 'receiver.js'), receiver);
    const { stdout } = await run(process.execPath, ['receiver.js', example('jwks'), header], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual(['accepted', '192.0.2.77']);
  });

  it('is called as the documentation calls it', async () => {
    const page = await readFile(join(root, 'docs/connection-signals.md'), 'utf8');
    const [, jwks] = /<!-- example: jwks -->\n\n```json\n([^`]+)```/.exec(page)!;
    const [, jws] = /<connection-signals xmlns='urn:narthex:signals:0'>([^<]+)</.exec(page)!;
    const [, code] = /<!-- example in code: [^>]+ -->\n\n```js\n([^]+?)```/.exec(page)!;
    const world = `
      Date.now = () => 1_795_435_201_000;
      globalThis.fetch = async () => ({ json: async () => (${jwks!}) });
      globalThis.jws = ${JSON.stringify(jws)};
      globalThis.socket = { exportKeyingMaterial: () => Buffer.alloc(32, 0xe0) };
    `;
    const report = 'console.log(JSON.stringify([client_ip.address, tcp.distance, tls.observed_by]))';
    await writeFile(join(folder, 'called.js'), `${world}\n${code!}\n${report}`);
    const { stdout } = await run(process.execPath, ['called.js'], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual(['192.0.2.77', 12, 'edge']);
  });
});
