/** Which failures are due to the TLS mode under `connect`. */
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type TlsOptions } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { PortableStructure } from '../../src/stream/structure/portable.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { dial, type Dialled } from '../../src/transport/dial.ts';
import { GatekeeperError } from '../../src/transport/gatekeeper-error.ts';
import { systemResolver } from '../../src/transport/srv.ts';
import { startTls } from '../../src/transport/starttls.ts';
import { TlsModeProbe } from '../../src/transport/tls-mode.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, rejection, type Loopback } from '../support/sockets.ts';

const authority = createAuthority();
const trusting = createSecureContext({ ca: authority.cert });
const names = createVocabulary();
const workspace = new Workspace(new PortableStructure(), defaultLimits);
const offer = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";

async function serving(answer: (socket: Socket) => void): Promise<Loopback> {
  const server = await loopback(answer);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** Answers the first bytes, and ends. */
const saying =
  (text: string) =>
  (socket: Socket): void =>
    void socket.once('data', () => socket.end(text));

/** tls.Server itself, with what it does to clear text. */
async function tlsServer(options: TlsOptions): Promise<number> {
  const server = createServer(options, (socket) => socket.on('error', () => {}).resume());
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

interface Tried {
  readonly probe?: TlsModeProbe;
  readonly preface?: Uint8Array;
}

async function causeOf(
  tls: 'direct' | 'starttls',
  port: number,
  { probe = new TlsModeProbe(), preface }: Tried = {},
): Promise<string> {
  const connecting = async (): Promise<void> => {
    const dialled = await dial(
      { kind: 'address', host: '127.0.0.1', port, tls },
      {
        domain: 'im.example',
        context: trusting,
        resolver: systemResolver(),
        dialTimeoutMs: 5_000,
        attemptTimeoutMs: 4_000,
        tlsMode: probe,
        preface,
      },
    );
    const plain = dialled as Extract<Dialled, { kind: 'starttls' }>;
    if (dialled.kind === 'starttls')
      await startTls(plain, { domain: 'im.example', names, workspace, negotiationTimeoutMs: 5_000 });
  };
  return (await rejection(connecting(), GatekeeperError)).dialCause;
}

describe('direct TLS is configured', () => {
  it('and the server offers STARTTLS', async () => {
    const server = await serving(saying(`<?xml version='1.0'?><stream:stream>${offer}`));
    expect(await causeOf('direct', server.port)).toBe('tls-mode');
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['XMPP without TLS', "<?xml version='1.0'?><stream:stream><stream:features/>"],
  ])('and the server speaks %s in clear text', async (_, text) => {
    const server = await serving(saying(text));
    expect(await causeOf('direct', server.port)).toBe('plain-text');
  });

  it('and the server never ends its answer: it is read up to a bound', async () => {
    const server = await serving((socket) => socket.once('data', () => socket.write('<x/>'.repeat(4_096))));
    expect(await causeOf('direct', server.port)).toBe('plain-text');
  });

  it('and the server does not answer in the other mode: the probe has a time of its own', async () => {
    const server = await serving((socket) =>
      socket.once('data', (chunk: Buffer) => chunk[0] === 0x16 && socket.end('clear text')),
    );
    const probe = new TlsModeProbe({ probeTimeoutMs: 50 });
    expect(await causeOf('direct', server.port, { probe })).toBe('plain-text');
  });
});

describe('STARTTLS is configured', () => {
  it('and the server takes direct TLS, whatever its certificate', async () => {
    const { cert, key } = authority.issue({ dns: ['im.example'] });
    expect(await causeOf('starttls', await tlsServer({ cert, key }))).toBe('tls-mode');
    const foreign = createAuthority().issue({ dns: ['other.example'] });
    expect(await causeOf('starttls', await tlsServer(foreign))).toBe('tls-mode');
  });

  it('and the server answers with a TLS alert', async () => {
    const server = await serving(saying('\u0015\u0003\u0001\u0000\u0002\u0002\u0046'));
    expect(await causeOf('starttls', server.port)).toBe('tls-mode');
    expect(server.accepted).toHaveLength(1);
  });

  it('and the server closes in either mode', async () => {
    const server = await serving((socket) => socket.destroy());
    expect(await causeOf('starttls', server.port)).toBe('connection-lost');
    expect(server.accepted).toHaveLength(2);
  });

  it('and the server breaks off in the middle: there is nothing to find out', async () => {
    const server = await serving(saying("<?xml version='1.0'?>"));
    expect(await causeOf('starttls', server.port)).toBe('connection-lost');
    expect(server.accepted).toHaveLength(1);
  });
});

describe('a probe', () => {
  it('is made once a minute and endpoint, however many clients fail', async () => {
    let now = 0;
    const probe = new TlsModeProbe({ now: () => now });
    const server = await serving((socket) => socket.destroy());
    const other = await serving((socket) => socket.destroy());
    for (let client = 0; client < 5; client += 1) await causeOf('starttls', server.port, { probe });
    await causeOf('starttls', other.port, { probe });
    expect([server.accepted.length, other.accepted.length]).toEqual([6, 2]);
    now = 60_000;
    await causeOf('starttls', server.port, { probe });
    expect(server.accepted).toHaveLength(8);
  });

  it('is remembered for a bounded number of endpoints', async () => {
    const probe = new TlsModeProbe({ findingsMax: 2 });
    const tried: number[] = [];
    for (const port of [1, 2, 3, 3, 2, 1])
      await probe.speaksOther({ host: 'h', port, tls: 'direct' }, async () => void tried.push(port));
    expect(tried).toEqual([1, 2, 3, 1]);
  });

  it('is not made after a PROXY header, which is for one connection', async () => {
    const server = await serving((socket) => socket.destroy());
    expect(await causeOf('starttls', server.port, { preface: Buffer.from('PROXY') })).toBe('connection-lost');
    expect(server.accepted).toHaveLength(1);
  });
});
