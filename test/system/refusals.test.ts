import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy } from '../support/proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'narthex-refusals-'));
afterAll(() => rmSync(folder, { recursive: true }));
const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost']);
writeFileSync(join(folder, 'a.crt'), pair.certificate);
writeFileSync(join(folder, 'a.key'), pair.key);
writeFileSync(join(folder, 'other.key'), authority.issue(['localhost']).key);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function serve(text: string): Promise<Ran> {
  const file = join(folder, 'narthex.yaml');
  writeFileSync(file, text);
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'serve', file], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const config = ({ port = 0, key = 'a.key', extra = '' } = {}): string => `apiVersion: narthex/v1
kind: Proxy
listeners:
  - { name: first, host: 127.0.0.1, port: ${port}, tls: direct }
certificates:
  - { certFile: a.crt, keyFile: ${key} }
domains:
  - { domain: localhost, gatekeeper: one }
gatekeepers:
  - { name: one, connect: { address: "127.0.0.1:1", tls: direct } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: error }
${extra}`;

describe('narthex serve does not start', () => {
  it('with a wrong configuration', async () => {
    const { code, stderr } = await serve(config({ extra: 'limts: {}\n' }));
    expect(code).toBe(78);
    expect(stderr).toMatch(/narthex\.yaml:13:1: error ERR_CONFIG_UNKNOWN_KEY: .*limts.*limits/s);
  });

  it('with a key of another certificate', async () => {
    const { code, stderr } = await serve(config({ key: 'other.key' }));
    expect(code).toBe(78);
    expect(stderr).toContain('ERR_CERTIFICATE_KEY_MISMATCH');
  });

  it('on a port in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { code, stderr } = await serve(config({ port: (server.address() as AddressInfo).port }));
    server.close();
    expect(code).toBe(69);
    expect(stderr).toContain('ERR_PORT_IN_USE');
  });
});

describe('a client learns', () => {
  const ask = async (
    to: string,
    serverName: string,
  ): Promise<{ heard: string; closed: readonly string[] }> => {
    const proxy = await startTestProxy({
      domain: 'localhost',
      gatekeeper: { port: 1, tls: 'direct' },
      certificate: pair.certificate,
      key: pair.key,
      ca: authority.certificate,
    });
    const socket = connect({
      host: '127.0.0.1',
      port: proxy.direct,
      ca: authority.certificate,
      servername: serverName,
    });
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.write(
      `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='1.0'>`,
    );
    await new Promise((resolve) => socket.once('close', resolve));
    await proxy.close();
    return { heard, closed: proxy.closed };
  };

  it('that the gatekeeper cannot be reached', async () => {
    const { heard, closed } = await ask('localhost', 'localhost');
    expect(heard).toMatch(/^<\?xml version='1\.0'\?><stream:stream .*<remote-connection-failed /);
    expect(heard).toMatch(/<\/stream:error><\/stream:stream>$/);
    expect(closed).toEqual(['ERR_GATEKEEPER_UNREACHABLE']);
  });

  it('that its domain is unknown here', async () => {
    const { heard, closed } = await ask('elsewhere.example', 'localhost');
    expect(heard).toContain('<host-unknown ');
    expect(heard).not.toContain('elsewhere');
    expect(closed).toEqual(['ERR_UNKNOWN_DOMAIN']);
  });
});
