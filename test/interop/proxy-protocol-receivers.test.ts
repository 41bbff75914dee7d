import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { createGatekeeper } from '../../src/simulator/gatekeeper.ts';
import { startEjabberd } from '../peers/ejabberd.ts';
import { startProcess } from '../peers/process.ts';
import { programs } from '../peers/programs.ts';
import { ready } from '../peers/ready.ts';
import { describeWithPeers } from '../peers/require.ts';
import { openRaw, streamHeader } from '../simulator/support/raw.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { signingKeyFolder } from '../support/signing-keys.ts';
import { eventually } from '../support/wait.ts';
import { freePort } from '../../src/app/demo/free-port.ts';

/** Real receivers of the PROXY header that the proxy's upstream dial writes, attestation included: they accept it, and
 *  see the client's address, which is neither theirs nor the proxy's. */

/** The client as a load balancer in front of the proxy reports it. */
const clients = {
  4: { address: '192.0.2.77', header: 'PROXY TCP4 192.0.2.77 198.51.100.2 40000 5223\r\n' },
  6: { address: '2001:db8::77', header: 'PROXY TCP6 2001:db8::77 2001:db8::2 40000 5223\r\n' },
} as const;

interface Behind extends Pick<TestProxyOptions, 'domain' | 'certificate' | 'key' | 'ca'> {
  /** Where the header is read. */
  readonly port: number;
  readonly profile: 'none' | 'standard' | 'full';
}

async function startProxy({ port, profile, ...options }: Behind): Promise<TestProxy> {
  const keys = await signingKeyFolder();
  const shown = createDevelopmentAuthority().issue(['proxy.example']);
  const proxy = await startTestProxy({
    ...options,
    gatekeeper: { port, tls: 'direct' },
    listener: { proxyProtocol: { trusted: ['127.0.0.0/8'] } },
    signals: {
      section: { issuer: 'proxy.example', keysFolder: keys.folder },
      attestation: {
        audience: 'gatekeeper.example',
        carriers: { proxyProtocol: { profile } },
        required: true,
      },
      client: shown,
    },
  });
  return {
    ...proxy,
    async close() {
      await proxy.close();
      await keys.close();
    },
  };
}

/** Logs Juliet in behind the load balancer. */
async function logIn(
  proxy: TestProxy,
  { domain, ca }: Behind,
  version: 4 | 6,
  password: string,
): Promise<void> {
  const endpoint = { host: '127.0.0.1', port: proxy.direct, tls: 'direct', ca, domain } as const;
  const raw = await openRaw(endpoint, Buffer.from(clients[version].header));
  raw.write(streamHeader(domain));
  await raw.until(/<\/stream:features>/);
  const secret = Buffer.from(`\0juliet\0${password}`).toString('base64');
  raw.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`);
  await raw.until(/<success/);
  raw.destroy();
}

const profiles = ['none', 'standard', 'full'] as const;

/** From where ejabberd says that Juliet logged in, in order. */
function seen(folder: string): string[] {
  const log = readFileSync(join(folder, 'ejabberd.log'), 'utf8');
  const lines = log.matchAll(/Accepted c2s PLAIN authentication for juliet@\S+ .*from (\S+)$/gm);
  return [...lines].map(([, address]) => address!);
}

describeWithPeers(['ejabberd'], 'ejabberd with use_proxy_protocol', () => {
  it('accepts the header and sees the client', async () => {
    const port = await freePort();
    const server = await startEjabberd({ plain: true, proxyProtocolPort: port });
    let logins = 0;
    try {
      const { key, chain: certificate, authority: ca } = server.certificates;
      for (const profile of profiles) {
        const behind = { domain: server.domain, certificate, key, ca, port, profile };
        const proxy = await startProxy(behind);
        for (const version of [4, 6] as const) {
          await logIn(proxy, behind, version, server.accounts['juliet']!);
          logins += 1;
          await eventually(() => seen(server.folder).length === logins);
          expect(seen(server.folder).at(-1)).toBe(clients[version].address);
        }
        await proxy.close();
      }
    } finally {
      await server.close();
    }
  });
});

describeWithPeers(['haproxy'], 'HAProxy with accept-proxy', () => {
  it('accepts the header, sees the client, and passes the stream on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'narthex-haproxy-'));
    const authority = createDevelopmentAuthority();
    const pair = authority.issue(['localhost', '127.0.0.1']);
    const gatekeeper = createGatekeeper({
      domain: 'localhost',
      users: [{ username: 'juliet', password: 'balcony' }],
      certificate: pair,
      listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
    });
    const [bound] = await gatekeeper.start();
    const port = await freePort();
    await writeFile(
      join(folder, 'haproxy.cfg'),
      `defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  log stdout format raw local0
  log-format "client [%ci]:%cp"
listen receiving
  bind 127.0.0.1:${port} accept-proxy
  server behind 127.0.0.1:${bound!.port}
`,
    );
    const lines: string[] = [];
    const haproxy = startProcess(
      { program: programs.haproxy, args: ['-db', '-f', 'haproxy.cfg'], folder, log: join(folder, 'log') },
      (line) => lines.push(line),
    );
    try {
      for (const profile of profiles) {
        const behind = {
          domain: 'localhost',
          certificate: pair.certificate,
          key: pair.key,
          ca: authority.certificate,
          port,
          profile,
        };
        const proxy = await startProxy(behind);
        if (profile === 'none')
          await ready('HAProxy', haproxy, 10_000, () => logIn(proxy, behind, 4, 'balcony'));
        for (const version of [4, 6] as const) {
          lines.length = 0;
          await logIn(proxy, behind, version, 'balcony');
          await eventually(() => lines.length === 1);
          expect(lines).toEqual([`client [${clients[version].address}]:40000`]);
        }
        await proxy.close();
      }
    } finally {
      await haproxy.stop();
      await gatekeeper.close();
      await rm(folder, { recursive: true });
    }
  }, 60_000);
});
