import { once } from 'node:events';
import { connect as connectTcp, type LookupFunction } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dial, type DialOptions, type Dialled, type Target } from '../../src/transport/dial.ts';
import type { SrvRecord } from '../../src/transport/srv.ts';
import { GatekeeperTlsError, GatekeeperUnreachableError } from '../../src/transport/gatekeeper-error.ts';
import { createAuthority, dayMs, type CertificateRequest } from '../support/certificates.ts';
import { deafListener, sendsAtOnce } from '../support/descriptors.ts';
import { loopback, rejection, type Loopback } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const trusting = createSecureContext({ ca: authority.cert });

const local = ((_host: string, options: { all?: boolean }, done: (...args: unknown[]) => void) =>
  options.all === true
    ? done(null, [{ address: '127.0.0.1', family: 4 }])
    : done(null, '127.0.0.1', 4)) as LookupFunction;

function options(
  more: Partial<DialOptions> & { records?: Readonly<Record<string, SrvRecord[]>> } = {},
): DialOptions {
  const { records = {}, ...rest } = more;
  return {
    domain: 'im.example',
    context: trusting,
    dialTimeoutMs: 2_000,
    attemptTimeoutMs: 1_000,
    random: () => 0,
    resolver: {
      lookup: local,
      async resolveSrv(name) {
        const found = records[name];
        if (found === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
        return found;
      },
    },
    ...rest,
  };
}

/** Takes TLS as a gatekeeper, with whatever certificate, and echoes. */
function gatekeeper(request: CertificateRequest, from = authority, more: { requestCert?: boolean } = {}) {
  const issued = from.issue(request);
  const secureContext: SecureContext = createSecureContext({ ...issued, ca: authority.cert });
  return async (server: Loopback): Promise<TLSSocket> => {
    const socket = new TLSSocket(await server.next(), {
      isServer: true,
      secureContext,
      ALPNProtocols: ['xmpp-client'],
      rejectUnauthorized: false,
      ...more,
    });
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => socket.write(chunk))
      .on('end', () => socket.destroy());
    return socket;
  };
}

let server: Loopback;
let openBefore = 0;
beforeEach(async () => {
  server = await loopback();
  openBefore = openSockets();
});
afterEach(() => server[Symbol.asyncDispose]());

const direct = (port = server.port): Target => ({ kind: 'address', host: '127.0.0.1', port, tls: 'direct' });
const starttls = (port = server.port): Target => ({
  kind: 'address',
  host: '127.0.0.1',
  port,
  tls: 'starttls',
});

async function unusedPort(): Promise<number> {
  await using short = await loopback();
  return short.port;
}

function at(port: number, priority: number): SrvRecord {
  return { name: 'host.invalid', port, priority, weight: 0 };
}

async function echoed(socket: TLSSocket): Promise<string> {
  socket.write('hello');
  return String((await once(socket, 'data'))[0]);
}

/** Sockets of this process that are open, server ends included. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TCPConnectWrap|TLSWrap/.test(name))
    .length;
}

/** Every connection that a failed dial made is gone, seen from both ends. */
async function nothingLeft(): Promise<void> {
  for (const socket of server.accepted) socket.resume();
  await eventually(() => server.accepted.every((socket) => socket.destroyed || socket.readableEnded));
  for (const socket of server.accepted) socket.destroy();
  await eventually(() => openSockets() <= openBefore);
}

async function unreachable(target: Target, more: Parameters<typeof options>[0] = {}): Promise<string> {
  const error = await rejection(dial(target, options(more)), GatekeeperUnreachableError);
  expect(error).toMatchObject({ code: 'ERR_GATEKEEPER_UNREACHABLE', condition: 'remote-connection-failed' });
  await nothingLeft();
  return error.dialCause;
}

async function refusedIn(
  request: CertificateRequest,
  more: { from?: typeof authority; context?: SecureContext } = {},
) {
  const { from = authority, ...rest } = more;
  const viaDirect = rejection(dial(direct(), options(rest)), GatekeeperTlsError);
  await gatekeeper(request, from)(server);
  const error = await viaDirect;
  expect(error).toMatchObject({ code: 'ERR_GATEKEEPER_TLS', condition: 'remote-connection-failed' });
  expect(error.message).toBe(`ERR_GATEKEEPER_TLS: remote-connection-failed (${error.dialCause})`);
  await nothingLeft();
  const dialled = (await dial(starttls(), options(rest))) as Extract<Dialled, { kind: 'starttls' }>;
  const viaStarttls = rejection(dialled.upgrade(new AbortController().signal), GatekeeperTlsError);
  await gatekeeper(request, from)(server);
  expect((await viaStarttls).dialCause).toBe(error.dialCause);
  expect(dialled.socket.destroyed).toBe(true);
  await nothingLeft();
  return error.dialCause;
}

async function abandoned(target: Target, more: Parameters<typeof options>[0], when: () => Promise<unknown>) {
  const controller = new AbortController();
  const dialling = rejection(dial(target, options({ ...more, signal: controller.signal })), Left);
  await when();
  controller.abort(new Left());
  await dialling;
  await nothingLeft();
}

/** Why a signal aborts here. */
class Left extends Error {}

describe('dialling', () => {
  it('with direct TLS, naming the domain and the protocol', async () => {
    const accepting = gatekeeper({ dns: ['im.example'] })(server);
    const dialled = await dial(direct(), options());
    expect(dialled.kind).toBe('direct');
    expect(await echoed(dialled.socket as TLSSocket)).toBe('hello');
    const far = await accepting;
    expect([far.servername, far.alpnProtocol]).toEqual(['im.example', 'xmpp-client']);
    dialled.socket.destroy();
  });

  it('to be upgraded after STARTTLS', async () => {
    const dialled = (await dial(starttls(), options())) as Extract<Dialled, { kind: 'starttls' }>;
    const accepting = gatekeeper({ dns: ['im.example'] })(server);
    const controller = new AbortController();
    const secured = await dialled.upgrade(controller.signal);
    // From here on the connection is the caller's to end.
    controller.abort();
    expect((await accepting).servername).toBe('im.example');
    expect(await echoed(secured)).toBe('hello');
    secured.destroy();
    await eventually(() => dialled.socket.destroyed);
  });

  it('on a socket that sends each write at once', async (test) => {
    const dialled = await dial(starttls(), options());
    const atOnce = await sendsAtOnce(dialled.socket);
    dialled.socket.destroy();
    if (atOnce === undefined) test.skip('koffi is not installed');
    expect(atOnce).toBe(true);
  });

  it('a domain with letters beyond ASCII', async () => {
    const accepting = gatekeeper({ dns: ['xn--mnchen-3ya.example'] })(server);
    const dialled = await dial(direct(), options({ domain: 'münchen.example' }));
    expect((await accepting).servername).toBe('xn--mnchen-3ya.example');
    dialled.socket.destroy();
  });

  it('with a client certificate', async () => {
    const accepting = gatekeeper({ dns: ['im.example'] }, authority, { requestCert: true })(server);
    const own = authority.issue({ dns: ['narthex.example'], usage: 'client' });
    const dialled = await dial(
      direct(),
      options({ context: createSecureContext({ ca: authority.cert, ...own }) }),
    );
    expect(await echoed(dialled.socket as TLSSocket)).toBe('hello');
    expect((await accepting).getPeerX509Certificate()?.subjectAltName).toBe('DNS:narthex.example');
    dialled.socket.destroy();
  });

  it('a domain that is an address, without a server name', async () => {
    const accepting = gatekeeper({ ipv4: ['127.0.0.1'] })(server);
    const dialled = await dial(direct(), options({ domain: '127.0.0.1' }));
    expect(await echoed(dialled.socket as TLSSocket)).toBe('hello');
    expect((await accepting).servername).toBe(false);
    dialled.socket.destroy();
  });

  it('by SRV, past a dead endpoint and one with a bad certificate', async () => {
    const records = {
      '_xmpps-client._tcp.im.example': [at(await unusedPort(), 1), at(server.port, 2), at(server.port, 4)],
      '_xmpp-client._tcp.im.example': [at(await unusedPort(), 3)],
    };
    const dialling = dial({ kind: 'srv', domain: 'im.example' }, options({ records }));
    await gatekeeper({ dns: ['host.invalid'] })(server);
    await gatekeeper({ dns: ['im.example'] })(server);
    const dialled = await dialling;
    expect(dialled.kind).toBe('direct');
    dialled.socket.destroy();
  });
});

/** A resolver of the addresses of a host, all of them on the loopback. */
function addresses(...listed: readonly string[]): LookupFunction {
  const all = listed.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return ((_host: string, { all: wantsAll }: { all?: boolean }, done: (...args: unknown[]) => void) =>
    wantsAll === true ? done(null, all) : done(null, all[0]!.address, all[0]!.family)) as LookupFunction;
}

describe('a host with several addresses (RFC 8305)', () => {
  const named = (port = server.port): Target => ({
    kind: 'address',
    host: 'im.example',
    port,
    tls: 'direct',
  });
  const resolving = (lookup: LookupFunction): DialOptions['resolver'] => ({ ...options().resolver, lookup });
  const reaches = async (target: Target, resolver: DialOptions['resolver'], at = server): Promise<void> => {
    const dialling = dial(target, options({ resolver, dialTimeoutMs: 20_000, attemptTimeoutMs: 10_000 }));
    await gatekeeper({ dns: ['im.example'] })(at);
    (await dialling).socket.destroy();
  };

  it.each([
    ['of the other family, which has none', ['::1', '127.0.0.1']],
    ['of the same family', ['127.0.0.9', '127.0.0.1']],
    ['at all but the last', ['::1', '127.0.0.8', '127.0.0.9', '127.0.0.1']],
  ])('is reached past one that refuses, %s', async (_, listed) => {
    // The server listens on 127.0.0.1 only.
    await reaches(named(), resolving(addresses(...listed)));
  });

  it('is reached past one that never answers, long before the attempt times out', async (test) => {
    const deaf = await deafListener(0);
    test.skip(deaf === undefined, 'koffi is not installed');
    if (deaf === undefined) return;
    const filling = [0, 1].map(() => connectTcp(deaf.port, '127.0.0.1').on('error', () => {}));
    await once(filling[0]!, 'connect');
    await using live = await loopback(undefined, { host: '127.0.0.2', port: deaf.port });
    const resolver = resolving(addresses('127.0.0.1', '127.0.0.2'));
    const target = { ...named(deaf.port) } as const;
    const outcome = dial(target, options({ resolver, dialTimeoutMs: 20_000, attemptTimeoutMs: 10_000 }));
    const timer = setTimeout(() => expect.fail('the attempt timed out first'), 9_000);
    await gatekeeper({ dns: ['im.example'] })(live);
    (await outcome).socket.destroy();
    clearTimeout(timer);
    for (const socket of filling) socket.destroy();
    deaf.close();
  });

  it('that all refuse is unreachable', async () => {
    const lookup = addresses('::1', '127.0.0.8', '127.0.0.9');
    expect(await unreachable(named(), { resolver: resolving(lookup) })).toBe('refused');
  });

  it('is resolved at each dial, so that a change of its addresses holds for the next session', async () => {
    await using moved = await loopback(undefined, { host: '127.0.0.2', port: server.port });
    let now = '127.0.0.1';
    let asked = 0;
    const resolver = resolving(((host, looking, done) => {
      asked += 1;
      addresses(now)(host, looking, done);
    }) as LookupFunction);
    await reaches(named(), resolver);
    now = '127.0.0.2';
    await reaches(named(), resolver, moved);
    expect(asked).toBe(2);
  });

  it('named by an SRV record, is tried at each address before the next record', async () => {
    const records = {
      '_xmpps-client._tcp.im.example': [at(server.port, 1), at(await unusedPort(), 2)],
      '_xmpp-client._tcp.im.example': [],
    };
    const resolver = { ...options({ records }).resolver, lookup: addresses('127.0.0.9', '127.0.0.1') };
    await reaches({ kind: 'srv', domain: 'im.example' }, resolver);
  });
});

describe('a dial that fails', () => {
  it.each(['direct', 'starttls'] as const)('because the port is closed (%s)', async (tls) => {
    expect(await unreachable({ kind: 'address', host: '127.0.0.1', port: await unusedPort(), tls })).toBe(
      'refused',
    );
  });

  it.each(['direct', 'starttls'] as const)('because the host has no address (%s)', async (tls) => {
    const lookup = ((_host: string, _options: object, done: (error: Error) => void) =>
      done(Object.assign(new Error('canary.example'), { code: 'ENOTFOUND' }))) as LookupFunction;
    const target: Target = { kind: 'address', host: 'canary.example', port: 5222, tls };
    expect(await unreachable(target, { resolver: { ...options().resolver, lookup } })).toBe(
      'name-unresolved',
    );
    const error = await rejection(
      dial(target, options({ resolver: { ...options().resolver, lookup } })),
      GatekeeperUnreachableError,
    );
    expect(error.message).toBe('ERR_GATEKEEPER_UNREACHABLE: remote-connection-failed (name-unresolved)');
    expect(error.cause).toBeUndefined();
  });

  it('because the domain offers no service', async () => {
    const records = { '_xmpp-client._tcp.im.example': [{ name: '.', port: 0, priority: 0, weight: 0 }] };
    expect(await unreachable({ kind: 'srv', domain: 'im.example' }, { records })).toBe('not-offered');
  });

  it('because the gatekeeper is silent in TLS', async () => {
    expect(await unreachable(direct(), { attemptTimeoutMs: 60 })).toBe('timed-out');
    expect(await unreachable(direct(), { dialTimeoutMs: 60 })).toBe('timed-out');
  });

  it.for(['direct', 'starttls'] as const)('because the network is silent (%s)', async (tls, test) => {
    const deaf = await deafListener(0);
    test.skip(deaf === undefined, 'koffi is not installed');
    if (deaf === undefined) return;
    // Fills the backlog; what comes after gets no answer.
    const filling = [0, 1].map(() => connectTcp(deaf.port, '127.0.0.1').on('error', () => {}));
    await once(filling[0]!, 'connect');
    const target: Target = { kind: 'address', host: '127.0.0.1', port: deaf.port, tls };
    const error = await rejection(
      dial(target, options({ attemptTimeoutMs: 80 })),
      GatekeeperUnreachableError,
    );
    expect(error.dialCause).toBe('timed-out');
    for (const socket of filling) socket.destroy();
    deaf.close();
    await eventually(() => openSockets() <= openBefore);
  });

  it('because no resolver answers in time', async () => {
    const resolver = { lookup: local, resolveSrv: () => new Promise<never>(() => {}) };
    expect(await unreachable({ kind: 'srv', domain: 'im.example' }, { resolver, dialTimeoutMs: 50 })).toBe(
      'timed-out',
    );
  });

  it('because of the certificate, direct and after STARTTLS alike', async () => {
    const past = new Date(Date.now() - dayMs);
    const future = new Date(Date.now() + dayMs);
    const dns = ['im.example'];
    expect(await refusedIn({ dns }, { from: createAuthority() })).toBe('authority-unknown');
    expect(await refusedIn({ dns, usage: 'client' })).toBe('authority-unknown');
    expect(await refusedIn({ dns, notBefore: new Date(0), notAfter: past })).toBe('expired');
    expect(await refusedIn({ dns, notBefore: future })).toBe('not-yet-valid');
    expect(await refusedIn({ dns: ['127.0.0.1', 'localhost'], ipv4: ['127.0.0.1'] })).toBe('name-mismatch');
    expect(await refusedIn({ commonName: 'im.example' })).toBe('name-mismatch');
    const tooNew = createSecureContext({
      ca: authority.cert,
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-RSA-AES128-SHA256',
    });
    expect(await refusedIn({ dns }, { context: tooNew })).toBe('tls-failed');
  });

  it('because of the certificate, whatever the environment allows', async () => {
    const warnings = process.listeners('warning');
    process.removeAllListeners('warning');
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await refusedIn({ dns: ['im.example'] }, { from: createAuthority() })).toBe('authority-unknown');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      for (const listener of warnings) process.on('warning', listener);
    }
  });

  it('because the gatekeeper closes or has no TLS', async () => {
    const hangingUp = rejection(dial(direct(), options()), GatekeeperTlsError);
    (await server.next()).destroy();
    expect((await hangingUp).dialCause).toBe('tls-failed');
    const clear = rejection(dial(direct(), options()), GatekeeperTlsError);
    (await server.next()).write("<?xml version='1.0'?><stream:stream>");
    expect((await clear).dialCause).toBe('plain-text');
    await nothingLeft();
  });

  it('in TLS at one endpoint and unreachable at the next is reported as TLS', async () => {
    const records = { '_xmpps-client._tcp.im.example': [at(server.port, 1), at(await unusedPort(), 2)] };
    const failing = rejection(
      dial({ kind: 'srv', domain: 'im.example' }, options({ records })),
      GatekeeperTlsError,
    );
    await gatekeeper({ dns: ['other.example'] })(server);
    expect((await failing).dialCause).toBe('name-mismatch');
  });
});

describe('a client that leaves in mid-dial', () => {
  it('before it begins', async () => {
    const signal = AbortSignal.abort(new Left());
    await rejection(dial(direct(), options({ signal })), Left);
    expect(openSockets()).toBe(openBefore);
  });

  it('while names are resolved', async () => {
    const never = { lookup: (() => {}) as LookupFunction, resolveSrv: () => new Promise<never>(() => {}) };
    await abandoned({ kind: 'srv', domain: 'im.example' }, { resolver: never }, async () => {});
    const target: Target = { kind: 'address', host: 'host.invalid', port: 1, tls: 'direct' };
    await abandoned(target, { resolver: never }, async () => {});
    await abandoned({ ...target, tls: 'starttls' }, { resolver: never }, async () => {});
  });

  it('while TCP connects', async (test) => {
    const deaf = await deafListener(0);
    test.skip(deaf === undefined, 'koffi is not installed');
    if (deaf === undefined) return;
    const filling = [0, 1].map(() => connectTcp(deaf.port, '127.0.0.1').on('error', () => {}));
    await once(filling[0]!, 'connect');
    const before = openSockets();
    for (const tls of ['direct', 'starttls'] as const) {
      const controller = new AbortController();
      const target: Target = { kind: 'address', host: '127.0.0.1', port: deaf.port, tls };
      const dialling = rejection(dial(target, options({ signal: controller.signal })), Left);
      await new Promise((resolve) => setTimeout(resolve, 30));
      controller.abort(new Left());
      await dialling;
      await eventually(() => openSockets() <= before);
    }
    for (const socket of filling) socket.destroy();
    deaf.close();
  });

  it('while TLS is agreed on', async () => {
    await abandoned(direct(), {}, async () => once(await server.next(), 'data'));
  });

  it('during the upgrade', async () => {
    const dialled = (await dial(starttls(), options())) as Extract<Dialled, { kind: 'starttls' }>;
    const controller = new AbortController();
    const upgrading = rejection(dialled.upgrade(controller.signal), Left);
    await once(await server.next(), 'data');
    controller.abort(new Left());
    await upgrading;
    expect(dialled.socket.destroyed).toBe(true);
    await nothingLeft();
  });
});
