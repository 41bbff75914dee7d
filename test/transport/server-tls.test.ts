import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, createSecureContext, type ConnectionOptions, type TLSSocket } from 'node:tls';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamError } from '../../src/stanza/error.ts';
import { serverContext, type ServerContextOptions } from '../../src/transport/secure-context.ts';
import {
  secureClient,
  TlsHandshakeError,
  type SecuredClient,
  type ServerTlsOptions,
} from '../../src/transport/server-tls.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, rejection, type Loopback } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const issued = authority.issue({ dns: ['a.example'] });
const file = { role: 'certificate', path: 'test' } as const;

function options(tls: ServerContextOptions = {}, rest: Partial<ServerTlsOptions> = {}): ServerTlsOptions {
  const context = serverContext(issued, tls, file);
  return { certificates: { contextFor: () => context }, handshakeTimeoutMs: 2_000, ...rest };
}

let server: Loopback;
beforeAll(async () => {
  server = await loopback();
});
afterAll(() => server[Symbol.asyncDispose]());

function tlsClient(more: ConnectionOptions = {}): TLSSocket {
  const client = connect({ port: server.port, ca: authority.cert, servername: 'a.example', ...more });
  client.on('error', () => {});
  return client;
}

async function tcpClient(): Promise<{ client: Socket; accepted: Socket }> {
  const client = connectTcp({ port: server.port, host: '127.0.0.1' });
  client.on('error', () => {});
  await once(client, 'connect');
  return { client, accepted: await server.next() };
}

async function accept(
  more: ConnectionOptions,
  opts = options(),
): Promise<{ client: TLSSocket; side: SecuredClient }> {
  const client = tlsClient(more);
  const side = await secureClient(await server.next(), opts);
  return { client, side };
}

/** The ClientHello of a client, as the bytes it sends first. */
async function clientHello(more: ConnectionOptions = {}): Promise<Buffer> {
  const client = tlsClient(more);
  const [hello] = (await once(await server.next(), 'data')) as [Buffer];
  client.destroy();
  return hello;
}

/** Runs a handshake that must fail; checks that both ends are closed. */
async function failure(client: Socket, opts = options()): Promise<StreamError> {
  const accepted = await server.next();
  const error = await rejection(secureClient(accepted, opts), StreamError);
  expect(accepted.destroyed).toBe(true);
  await eventually(() => client.destroyed || client.readableEnded);
  return error;
}

async function reason(client: Socket, opts = options()): Promise<string> {
  const error = await failure(client, opts);
  expect(error).toMatchObject({ code: 'ERR_TLS_HANDSHAKE' });
  return (error as TlsHandshakeError).reason;
}

function sending(bytes: string): Socket {
  const client = connectTcp({ port: server.port, host: '127.0.0.1' });
  client.on('error', () => {});
  client.write(bytes);
  client.resume();
  return client;
}

describe('a handshake whose computing is scheduled', () => {
  /** Starts a handshake, and resolves when it is to be computed. */
  async function scheduled(more: Partial<ServerTlsOptions> = {}) {
    const client = tlsClient();
    const accepted = await server.next();
    const { promise: due, resolve } = Promise.withResolvers<() => void>();
    const secured = secureClient(accepted, options({}, { ...more, schedule: resolve }));
    secured.catch(() => {});
    return { client, accepted, secured, compute: await due };
  }

  it('waits for its turn, and then chooses the certificate by the name', async () => {
    const names: (string | undefined)[] = [];
    const { certificates } = options();
    const contextFor = (name: string | undefined) => {
      names.push(name);
      return certificates.contextFor(name);
    };
    const { client, secured, compute } = await scheduled({ certificates: { contextFor } });
    expect(names).toEqual([]);
    compute();
    expect((await secured).serverName).toBe('a.example');
    expect(names).toEqual(['a.example']);
    client.destroy();
  });

  it('fails when the client has left before its turn', async () => {
    const { accepted, secured, compute } = await scheduled();
    accepted.destroy(new Error('reset'));
    await new Promise((resolve) => accepted.once('close', resolve));
    compute();
    expect(await rejection(secured, TlsHandshakeError)).toMatchObject({ reason: 'closed' });
  });

  it('fails when its turn is late, and computes nothing afterwards', async () => {
    const { accepted, secured, compute } = await scheduled({ handshakeTimeoutMs: 50 });
    const error = await rejection(secured, StreamError);
    expect(error).toMatchObject({ code: 'ERR_HANDSHAKE_TIMEOUT' });
    compute();
    expect(accepted.destroyed).toBe(true);
  });
});

describe('TLS as server', () => {
  it('returns server name, version and application protocol', async () => {
    const { client, side } = await accept({ ALPNProtocols: ['xmpp-client'] });
    expect(side).toMatchObject({ serverName: 'a.example', protocolVersion: 'TLSv1.3', alpn: 'xmpp-client' });
    client.write('to the server');
    expect(String((await once(side.socket, 'data'))[0])).toBe('to the server');
    side.socket.write('to the client');
    expect(String((await once(client, 'data'))[0])).toBe('to the client');
    client.destroy();
  });

  it('welcomes a client without server name and application protocol, and TLS 1.2', async () => {
    const { client, side } = await accept({
      servername: '',
      maxVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
    });
    expect(side).toMatchObject({ serverName: undefined, protocolVersion: 'TLSv1.2', alpn: undefined });
    client.destroy();
  });

  it('chooses xmpp-client among others', async () => {
    const { client, side } = await accept({ ALPNProtocols: ['h2', 'xmpp-client'] });
    expect(side.alpn).toBe('xmpp-client');
    client.destroy();
  });

  it('continues from bytes that were read already, however many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (share) => {
        const client = tlsClient();
        const accepted = await server.next();
        const [hello] = (await once(accepted, 'data')) as [Buffer];
        accepted.pause();
        const read = Math.floor(hello.length * share);
        accepted.unshift(hello.subarray(read));
        const side = await secureClient(accepted, options({}, { early: hello.subarray(0, read) }));
        expect(side.serverName).toBe('a.example');
        client.destroy();
      }),
      { numRuns: 20 },
    );
  });

  it('loses nothing of a socket that was left flowing', async () => {
    const client = tlsClient();
    const accepted = await server.next();
    const [hello] = (await once(accepted, 'data')) as [Buffer];
    accepted.removeAllListeners('data').resume();
    const side = await secureClient(accepted, options({}, { early: hello }));
    expect(side.serverName).toBe('a.example');
    client.destroy();
  });

  it('takes TLS in the middle of a connection', async () => {
    const { client, accepted } = await tcpClient();
    client.write('<starttls/>');
    expect(String((await once(accepted, 'data'))[0])).toBe('<starttls/>');
    accepted.removeAllListeners('data');
    accepted.pause();
    accepted.write('<proceed/>');
    await once(client, 'data');
    const upgraded = connect({ socket: client, ca: authority.cert, servername: 'a.example' });
    const side = await secureClient(accepted, options());
    side.socket.write('secret');
    expect(String((await once(upgraded, 'data'))[0])).toBe('secret');
    side.socket.resume();
    upgraded.destroy();
    // Half open on purpose: the client's end is seen, and ours is another decision.
    await once(side.socket, 'end');
    expect(side.socket.destroyed).toBe(false);
    side.socket.destroy();
    await eventually(() => accepted.destroyed);
  });

  it('waits for a slow hello', async () => {
    const { client, accepted } = await tcpClient();
    const hello = await clientHello();
    const secured = secureClient(accepted, options({}, { handshakeTimeoutMs: 10_000 }));
    for (const byte of hello) {
      client.write(Buffer.from([byte]));
      if (Math.random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The server answers, so it took the hello.
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer[0]).toBe(22);
    client.destroy();
    await rejection(secured, TlsHandshakeError);
  });

  it('destroys the connection on a fault of the established session', async () => {
    const { client, accepted } = await tcpClient();
    const relay = connect({ socket: client, ca: authority.cert, servername: 'a.example' });
    relay.on('error', () => {});
    const side = await secureClient(accepted, options());
    const errors: Error[] = [];
    side.socket.on('error', (error) => errors.push(error));
    // A record that does not decrypt, written below TLS.
    client.write(Buffer.from('1703030020'.padEnd(74, '0'), 'hex'));
    await eventually(() => side.socket.destroyed && accepted.destroyed);
    expect(errors).toHaveLength(1);
  });

  it('refuses renegotiation', async () => {
    const client = tlsClient({ maxVersion: 'TLSv1.2' });
    const secured = once(client, 'secureConnect');
    const side = await secureClient(await server.next(), options());
    await secured;
    const outcome = new Promise<Error | null>((resolve) => {
      client.renegotiate({ rejectUnauthorized: true }, resolve);
      client.once('error', resolve);
    });
    expect(await outcome).toBeInstanceOf(Error);
    client.destroy();
    side.socket.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes %s sessions only when configured', async (version) => {
    const resumed = async (tls: ServerContextOptions): Promise<boolean> => {
      const shared = options(tls);
      const more: ConnectionOptions = { maxVersion: version, minVersion: version };
      const client = tlsClient(more);
      const ticket = once(client, 'session');
      const side = await secureClient(await server.next(), shared);
      side.socket.write('x');
      const [session] = (await ticket) as [Buffer];
      client.destroy();
      const again = tlsClient({ ...more, session });
      await Promise.all([
        once(again, 'secureConnect'),
        server.next().then((socket) => secureClient(socket, shared)),
      ]);
      const reused = again.isSessionReused();
      again.destroy();
      return reused;
    };
    expect(await resumed({})).toBe(false);
    expect(await resumed({ sessionTickets: true })).toBe(true);
  });
});

describe('a handshake that fails', () => {
  it('because the client offers another application protocol, with the alert of RFC 7301', async () => {
    const client = tlsClient({ ALPNProtocols: ['h2', 'http/1.1'] });
    const alert = once(client, 'error');
    expect(await reason(client)).toBe('alpn');
    expect((await alert)[0]).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  });

  it('because the client is too old', async () => {
    expect(await reason(tlsClient({ maxVersion: 'TLSv1.2' }), options({ minVersion: 'TLSv1.3' }))).toBe(
      'version',
    );
  });

  it('because nothing is in common', async () => {
    const client = tlsClient({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
    expect(await reason(client)).toBe('cipher');
  });

  it.each([
    ['a stream in clear text', "<?xml version='1.0'?><stream:stream to='a.example'>"],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'],
    ['zeros', '\0'.repeat(64)],
    ['a TLS record of garbage', `\x16\x03\x01\x00\x40${'\xff'.repeat(32)}${'\x00'.repeat(32)}`],
  ])('because it is no TLS: %s', async (_, bytes) => {
    expect(await reason(sending(bytes))).toBe('not-tls');
  });

  it('because the client refuses our certificate', async () => {
    const hello = await clientHello({ maxVersion: 'TLSv1.2' });
    const alerting = sending('');
    alerting.write(hello);
    // unknown_ca (48), fatal, in clear text as TLS 1.2 has it before keys are agreed on.
    alerting.once('data', () => alerting.write(Buffer.from('15030300020230', 'hex')));
    expect(await reason(alerting)).toBe('alert');
  });

  it('because the client leaves, in any way', async () => {
    const half = sending('\x16');
    half.end();
    expect(await reason(half)).toBe('closed');
    const reset = sending('\x16\x03');
    await once(reset, 'connect');
    setTimeout(() => reset.resetAndDestroy(), 20);
    expect(await reason(reset)).toBe('closed');
  });

  it('because the connection is gone before it begins', async () => {
    const { client, accepted } = await tcpClient();
    accepted.destroy();
    expect(await rejection(secureClient(accepted, options()), TlsHandshakeError)).toMatchObject({
      reason: 'closed',
    });
    client.destroy();
  });

  it('because the client is silent, or slower than the time-out', async () => {
    const silent = sending('');
    const error = await failure(silent, options({}, { handshakeTimeoutMs: 60 }));
    expect(error).toMatchObject({ code: 'ERR_HANDSHAKE_TIMEOUT', detail: { handshakeTimeoutMs: 60 } });
    const nothingWrong = await clientHello();
    const slow = sending('');
    let sent = 0;
    const dribble = setInterval(() => slow.write(nothingWrong.subarray(sent, (sent += 1))), 20);
    expect((await failure(slow, options({}, { handshakeTimeoutMs: 100 }))).code).toBe(
      'ERR_HANDSHAKE_TIMEOUT',
    );
    clearInterval(dribble);
  });

  it('because the caller gives up', async () => {
    const client = sending('');
    const accepted = await server.next();
    const controller = new AbortController();
    const secured = secureClient(accepted, options({}, { signal: controller.signal }));
    controller.abort(new RangeError('draining'));
    await rejection(secured, RangeError);
    expect(accepted.destroyed).toBe(true);
    client.destroy();
  });

  it.each([
    ['before the ClientHello was looked at', undefined],
    ['for its server name', (): void => {}],
  ])('because no certificate can be had %s', async (_, onClientHello) => {
    const contextFor = (): never => {
      throw new RangeError('no certificate');
    };
    const client = tlsClient();
    expect(await reason(client, options({}, { certificates: { contextFor }, onClientHello }))).toBe('other');
  });

  it('without the peer’s text in the message', async () => {
    const client = sending('GET /canary HTTP/1.1\r\n\r\n');
    const error = await failure(client);
    expect(error.message).toBe('ERR_TLS_HANDSHAKE: undefined-condition (not-tls)');
    expect(error.cause).toBeUndefined();
  });
});

describe('a context', () => {
  it('that OpenSSL refuses is a set-up fault', () => {
    expect(() => createSecureContext({ cert: 'x' })).toThrow();
    expect(() => serverContext({ cert: 'x', key: 'y' }, {}, file)).toThrow(/ERR_CERTIFICATE_INVALID.*test/);
  });
});
