import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endGracefully, onPeerEnd, type PeerEnd } from '../../src/transport/close.ts';
import { secureClient } from '../../src/transport/server-tls.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, readToEnd, socketPair, type Loopback } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const context = createSecureContext({ ...authority.issue({ dns: ['a.example'] }), maxVersion: 'TLSv1.2' });

let server: Loopback;
beforeEach(async () => {
  server = await loopback();
});
afterEach(() => server[Symbol.asyncDispose]());

/** A connection: `far` is this side's, `near` the client's, `reset` makes the client's TCP send a RST. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  readonly reset: () => void;
}

async function tlsPair(): Promise<Pair> {
  const { near: socket, far: accepted, reset } = await tcpPair();
  const near = connect({ socket, ca: authority.cert, servername: 'a.example' });
  near.on('error', () => {});
  const [{ socket: far }] = await Promise.all([
    secureClient(accepted, { certificates: { contextFor: () => context }, handshakeTimeoutMs: 2_000 }),
    once(near, 'secureConnect'),
  ]);
  return { near, far, reset };
}

async function tcpPair(): Promise<Pair> {
  const { near, far } = await socketPair(server);
  return { near, far, reset: () => void near.resetAndDestroy() };
}

const pairs = [
  ['TCP', tcpPair],
  ['TLS', tlsPair],
] as const;

function ends(socket: Socket): PeerEnd[] {
  const seen: PeerEnd[] = [];
  onPeerEnd(socket, (how) => seen.push(how));
  return seen;
}

describe.each(pairs)('the end of a peer over %s', (_, pair) => {
  it('is its half, at once, while ours stays open', async () => {
    const { near, far } = await pair();
    const seen = ends(far.resume());
    near.end('last words');
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['ended']);
    far.end('answer');
    expect((await readToEnd(near)).toString()).toBe('answer');
    await eventually(() => far.destroyed);
    expect(seen).toEqual(['ended']);
  });

  it('is a reset', async () => {
    const { far, reset } = await pair();
    const seen = ends(far.resume());
    reset();
    await eventually(() => far.destroyed);
    expect(seen).toEqual(['reset']);
  });

  it('is ours when we close', async () => {
    const { far } = await pair();
    const seen = ends(far);
    far.destroy();
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['closed']);
  });

  it('is a failure when the socket fails otherwise', async () => {
    const { far } = await pair();
    const seen = ends(far);
    far.destroy(new Error('something else'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['failed']);
  });
});

describe('the end of a TLS peer', () => {
  it('is a record that does not decrypt', async () => {
    const { near: socket, far: accepted } = await socketPair(server);
    const near = connect({ socket, ca: authority.cert, servername: 'a.example' });
    await Promise.all([
      secureClient(accepted, { certificates: { contextFor: () => context }, handshakeTimeoutMs: 2_000 }),
      once(near, 'secureConnect'),
    ]);
    const seen = ends(near.resume());
    // Written below TLS: application data of 32 zeros.
    accepted.write(Buffer.from('1703030020'.padEnd(74, '0'), 'hex'));
    await eventually(() => near.destroyed && socket.destroyed);
    expect(seen).toEqual(['failed']);
  });
});

describe.each(pairs)('ending %s gracefully', (_, pair) => {
  it('delivers everything, last words included, and waits for the peer', async () => {
    const { near, far } = await pair();
    const much = Buffer.alloc(1_000_000, 'x');
    far.write(much);
    const ending = endGracefully(far, { closeGraceMs: 2_000, last: Buffer.from('</stream:stream>') });
    const received = await readToEnd(near);
    expect(received.length).toBe(much.length + 16);
    expect(received.subarray(-16).toString()).toBe('</stream:stream>');
    expect(far.destroyed).toBe(false);
    near.end();
    expect(await ending).toBe('closed');
  });

  it('closes both when the peer has ended before', async () => {
    const { near, far } = await pair();
    near.resume().end();
    far.resume();
    await once(far, 'end');
    expect(await endGracefully(far, { closeGraceMs: 2_000 })).toBe('closed');
    await eventually(() => near.readableEnded);
  });

  it('drops what the peer still sends, and sees its end after that', async () => {
    const { near, far } = await pair();
    near.resume().write(Buffer.alloc(500_000));
    const ending = endGracefully(far, { closeGraceMs: 2_000 });
    near.end();
    expect(await ending).toBe('closed');
  });

  it('gives a peer that does not answer its time and no more', async () => {
    const { near, far } = await pair();
    near.resume();
    let earlierTimers = 0;
    setTimeout(() => (earlierTimers += 1), 50);
    expect(await endGracefully(far, { closeGraceMs: 60 })).toBe('expired');
    expect(earlierTimers).toBe(1);
    expect(far.destroyed).toBe(true);
  });

  it('gives a peer that reads nothing its time and no more', async () => {
    const { near, far } = await pair();
    near.pause();
    far.write(Buffer.alloc(20_000_000));
    expect(await endGracefully(far, { closeGraceMs: 60 })).toBe('expired');
  });

  it('reports a reset by the peer', async () => {
    const { far, reset } = await pair();
    far.write(Buffer.alloc(20_000_000));
    const ending = endGracefully(far, { closeGraceMs: 2_000 });
    reset();
    expect(await ending).toBe('reset');
  });

  it('may be called twice, and on a closed socket', async () => {
    const { near, far } = await pair();
    near.resume().on('end', () => near.end());
    const options = { closeGraceMs: 2_000, last: Buffer.from('x') };
    expect(await Promise.all([endGracefully(far, options), endGracefully(far, options)])).toEqual([
      'closed',
      'closed',
    ]);
    expect(await endGracefully(far, options)).toBe('closed');
    const other = await pair();
    other.far.destroy();
    expect(await endGracefully(other.far, options)).toBe('closed');
  });
});

describe('ending TLS', () => {
  it('sends close_notify before FIN', async () => {
    // A relay in the middle shows the records; in TLS 1.2 their types are in clear.
    const wire: Buffer[] = [];
    await using middle = await loopback((client) => {
      const onward = connectTcp({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
      onward.on('error', () => {}).on('data', (chunk: Buffer) => wire.push(chunk));
      client.pipe(onward).pipe(client);
    });
    const near = connect({ port: middle.port, ca: authority.cert, servername: 'a.example' });
    near.resume();
    const { socket } = await secureClient(await server.next(), {
      certificates: { contextFor: () => context },
      handshakeTimeoutMs: 2_000,
    });
    expect(await endGracefully(socket, { closeGraceMs: 2_000, last: Buffer.from('bye') })).toBe('closed');
    await eventually(() => near.destroyed);
    expect(recordTypes(Buffer.concat(wire)).slice(-2)).toEqual(['application data', 'alert']);
  });
});

function recordTypes(bytes: Buffer): string[] {
  const types: Readonly<Record<number, string>> = { 21: 'alert', 23: 'application data' };
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    found.push(types[bytes[at]!] ?? 'other');
  return found;
}
