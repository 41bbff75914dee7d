/** A load balancer that computes no HMAC in front of a listener that expects one: Debian's HAProxy, which ends TLS and
 *  sends what it knows as fields. Its sessions go on; the fields are ignored and counted. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { programs } from '../peers/programs.ts';
import { startProcess } from '../peers/process.ts';
import { ready } from '../peers/ready.ts';
import { describeWithPeers } from '../peers/require.ts';
import { accepted, startAttested } from '../support/attested.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { temporaryFolder } from '../support/temporary.ts';

describeWithPeers(['haproxy'], 'HAProxy without the shared secret', () => {
  it.each([
    ['expects an HMAC', true, 3],
    ['expects none', false, 0],
  ])(
    'before a listener that %s',
    async (_, isExpected, count) => {
      await using folder = await temporaryFolder();
      const keyFiles = [await folder.write('secret', 's'.repeat(32))];
      const ignored: number[] = [];
      const scene = await startAttested({
        carriers: { stream: {} },
        required: true,
        proxy: {
          listener: {
            proxyProtocol: {
              trusted: ['127.0.0.0/8'],
              ...(isExpected ? { authentication: { keyFiles } } : {}),
            },
          },
          signalsObserver: { fieldsIgnored: (_listener, fields) => ignored.push(fields) },
        },
      });
      const authority = createDevelopmentAuthority();
      const { certificate, key } = authority.issue(['localhost', '127.0.0.1']);
      await folder.write('pair.pem', certificate + key);
      const port = await freePort();
      await writeFile(
        join(folder.path, 'haproxy.cfg'),
        `defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen clients
  bind 127.0.0.1:${port} ssl crt pair.pem
  unique-id-format %pid
  server proxy 127.0.0.1:${scene.proxy.direct} ssl verify none sni str(localhost) alpn xmpp-client send-proxy-v2 proxy-v2-options ssl,authority,unique-id,crc32c
`,
      );
      const haproxy = startProcess(
        {
          program: programs.haproxy,
          args: ['-db', '-f', 'haproxy.cfg'],
          folder: folder.path,
          log: join(folder.path, 'log'),
        },
        () => {},
      );
      try {
        const endpoint = { ...scene.endpoint, port, ca: authority.certificate };
        await ready('HAProxy', haproxy, 10_000, async () => {
          await scene.logIn('direct', { endpoint });
        });
        expect(accepted(scene).signals).toMatchObject({
          client_ip: { address: '127.0.0.1', observed_by: 'balancer' },
          tls: { absent: 'behind-lb' },
        });
        expect(ignored).toEqual(count === 0 ? [] : [count]);
        expect(scene.refused).toEqual([]);
      } finally {
        await haproxy.stop();
        await scene.close();
      }
    },
    30_000,
  );
});
