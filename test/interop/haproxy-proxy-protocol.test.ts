import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proxyHeader, type ProxyProfile } from '../../src/signals/proxy-protocol-header.ts';
import { ProxyProtocolReader, type ProxyProgress } from '../../src/signals/proxy-protocol.ts';
import { freePort } from '../../src/app/demo/free-port.ts';

/** HAProxy reads the headers that we write, and we read the headers that it writes. */

const haproxy = '/usr/sbin/haproxy';
const greeting = '<stream';
const required = process.env['NARTHEX_PEERS'] === 'required';

async function dial(port: number): Promise<ReturnType<typeof connect>> {
  for (let attempt = 0; ; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const written = (profile: ProxyProfile, address: string): Buffer => {
  const answer = proxyHeader({
    source: { address, port: 40_000 },
    destination: { address: '198.51.100.2', port: 5222 },
    profile,
    attestation: Buffer.alloc(300, 1),
    uniqueId: Buffer.from([1, 2, 0xff]),
    authority: 'xmpp.example',
    alpn: 'xmpp-client',
    tlsVersion: 'TLSv1.3',
  });
  if (answer.kind !== 'header') throw new Error(answer.kind);
  return answer.header;
};

describe.skipIf(!existsSync(haproxy) && !required)('HAProxy (apt-get install haproxy)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'narthex-haproxy-'));
  const headers: ProxyProgress[] = [];
  const ports = { reading: 0, writing1: 0, writing2: 0, behind: 0 };
  let child: ChildProcess;

  const behind = createServer((socket) => {
    const reader = new ProxyProtocolReader();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const progress = reader.push(chunk);
      // The client's bytes may come later than the header.
      if (progress.kind === 'header' && reader.rest().length < greeting.length) return;
      if (progress.kind === 'incomplete') return;
      headers.push(progress);
      socket.end(reader.rest());
    });
  });

  beforeAll(async () => {
    behind.listen(0, '127.0.0.1');
    await once(behind, 'listening');
    ports.behind = (behind.address() as AddressInfo).port;
    ports.reading = await freePort();
    ports.writing1 = await freePort();
    ports.writing2 = await freePort();
    writeFileSync(
      join(directory, 'haproxy.cfg'),
      `defaults
  timeout connect 2s
  timeout client 2s
  timeout server 2s
frontend reading
  mode http
  bind 127.0.0.1:${ports.reading} accept-proxy
  http-request return content-type text/plain lf-string "[%[src]]:%[src_port] [%[dst]]:%[dst_port] %[fc_pp_authority] %[fc_pp_unique_id,hex]"
listen writing1
  mode tcp
  bind 127.0.0.1:${ports.writing1}
  server behind 127.0.0.1:${ports.behind} send-proxy
listen writing2
  mode tcp
  bind 127.0.0.1:${ports.writing2}
  unique-id-format %pid
  server behind 127.0.0.1:${ports.behind} send-proxy-v2 proxy-v2-options crc32c,unique-id
`,
    );
    child = spawn(haproxy, ['-db', '-f', join(directory, 'haproxy.cfg')], { stdio: 'ignore' });
  });

  afterAll(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
    behind.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function ask(header: Buffer): Promise<string> {
    const socket = await dial(ports.reading);
    socket.end(Buffer.concat([header, Buffer.from('GET / HTTP/1.0\r\n\r\n')]));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await once(socket, 'close');
    return Buffer.concat(chunks).toString().split('\r\n\r\n')[1] ?? '';
  }

  it.each<[ProxyProfile, string, string]>([
    ['none', '192.0.2.77', '[192.0.2.77]:40000 [198.51.100.2]:5222  '],
    ['standard', '192.0.2.77', '[192.0.2.77]:40000 [198.51.100.2]:5222  '],
    ['full', '192.0.2.77', '[192.0.2.77]:40000 [198.51.100.2]:5222 xmpp.example 0102FF'],
    ['full', '2001:db8::7', '[2001:db8::7]:40000 [::ffff:198.51.100.2]:5222 xmpp.example 0102FF'],
  ])('reads our header with profile %s from %s', async (profile, address, expected) => {
    expect(await ask(written(profile, address))).toBe(expected);
  });

  it('refuses ours with one bit changed', async () => {
    const header = written('standard', '192.0.2.77');
    header[20]! ^= 1;
    await expect(ask(header).catch(() => '')).resolves.toBe('');
  });

  it.each([1, 2] as const)('writes version %i headers that we read', async (version) => {
    headers.length = 0;
    const socket = await dial(version === 1 ? ports.writing1 : ports.writing2);
    const { localPort } = socket;
    socket.write(greeting);
    const [echo] = (await once(socket, 'data')) as [Buffer];
    expect(echo.toString()).toBe(greeting);
    expect(headers).toMatchObject([
      {
        kind: 'header',
        header: {
          version,
          command: 'proxy',
          source: { address: '127.0.0.1', port: localPort },
          fields: { checked: version === 2, uniqueId: version === 2 ? expect.any(Uint8Array) : undefined },
        },
      },
    ]);
    socket.destroy();
  });
});
