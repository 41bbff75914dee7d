import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseTrustedNetworks } from '../../src/signals/cidr.ts';
import type { Arrival } from '../../src/signals/connection-evidence.ts';
import { loadSynCapture } from '../../src/signals/saved-syn.ts';
import { Admission } from '../../src/transport/admission.ts';
import { SetupError } from '../../src/transport/error.ts';
import { listen, type Listener, type ListenOptions, type ListenRefusal } from '../../src/transport/listen.ts';
import { boundDescriptor, sendsAtOnce } from '../support/descriptors.ts';
import { rejection } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

interface Scene {
  readonly listener: Listener;
  readonly accepted: Socket[];
  readonly arrivals: Arrival[];
  readonly refused: ListenRefusal[];
  readonly admission: Admission;
  readonly dial: () => Promise<Socket>;
}

async function scene(more: Partial<ListenOptions> = {}, limits = {}): Promise<Scene> {
  const accepted: Socket[] = [];
  const arrivals: Arrival[] = [];
  const refused: ListenRefusal[] = [];
  const admission = new Admission({ connectionsMax: 100, connectionsPerAddressMax: 100, ...limits });
  const listener = await listen({
    target: { kind: 'address', host: '127.0.0.1', port: 0 },
    admission,
    onConnection: (socket, arrival) => {
      accepted.push(socket);
      arrivals.push(arrival);
    },
    onRefused: (code) => refused.push(code),
    ...more,
  });
  return {
    listener,
    accepted,
    arrivals,
    refused,
    admission,
    dial: async () => {
      const socket = connect({ port: listener.address.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    },
  };
}

async function failure(target: ListenOptions['target']): Promise<SetupError> {
  return rejection(scene({ target }), SetupError);
}

describe('a listener', () => {
  it.each([
    ['ERR_CONNECTION_LIMIT', { connectionsMax: 2 }],
    ['ERR_ADDRESS_LIMIT', { connectionsPerAddressMax: 2 }],
  ])('closes connections above the limit at once, and counts them: %s', async (code, limits) => {
    const { dial, accepted, refused, listener, admission } = await scene({}, limits);
    const clients = [await dial(), await dial(), await dial()];
    clients[2]!.resume();
    await once(clients[2]!, 'end');
    expect(refused).toEqual([code]);
    expect(accepted).toHaveLength(2);
    // A place is free again once a connection is closed.
    accepted[0]!.destroy();
    await eventually(() => admission.live === 1);
    await dial();
    await eventually(() => accepted.length === 3);
    for (const socket of accepted) socket.destroy();
    await eventually(() => admission.live === 0 && admission.addresses === 0);
    await listener.stop();
  });

  it('lets a client end its half and still answers', async () => {
    const { dial, accepted, listener } = await scene();
    const client = await dial();
    client.end('question');
    await eventually(() => accepted.length === 1);
    const [socket] = accepted;
    socket!.resume();
    await once(socket!, 'end');
    socket!.end('answer');
    expect(String((await once(client, 'data'))[0])).toBe('answer');
    await listener.stop();
  });

  it('stops accepting and leaves live connections alone', async () => {
    const { dial, accepted, listener } = await scene();
    const client = await dial();
    await eventually(() => accepted.length === 1);
    await listener.stop();
    const late = connect({ port: listener.address.port, host: '127.0.0.1' });
    expect((await once(late, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
    accepted[0]!.write('still here');
    expect(String((await once(client, 'data'))[0])).toBe('still here');
    // The port is free for the next process.
    const next = await scene({ target: { kind: 'address', host: '127.0.0.1', port: listener.address.port } });
    await next.listener.stop();
    accepted[0]!.destroy();
  });

  it('accepts sockets that send each write at once', async (test) => {
    const { dial, accepted, listener } = await scene();
    await dial();
    await eventually(() => accepted.length === 1);
    const atOnce = await sendsAtOnce(accepted[0]!);
    accepted[0]!.destroy();
    await listener.stop();
    if (atOnce === undefined) test.skip('koffi is not installed');
    expect(atOnce).toBe(true);
  });

  it('takes over a bound descriptor', async (test) => {
    const bound = await boundDescriptor();
    if (bound === undefined) {
      test.skip('koffi is not installed');
      return;
    }
    const { dial, accepted, listener } = await scene({ target: { kind: 'descriptor', fd: bound.fd } });
    expect(listener.address.port).toBe(bound.port);
    await dial();
    await eventually(() => accepted.length === 1);
    expect(await sendsAtOnce(accepted[0]!)).toBe(true);
    accepted[0]!.destroy();
    await listener.stop();
  });
});

describe('a listener that cannot be', () => {
  it('because the port is in use', async () => {
    const { listener } = await scene();
    const error = await failure({ kind: 'address', host: '127.0.0.1', port: listener.address.port });
    expect(error.code).toBe('ERR_PORT_IN_USE');
    expect(error.message).toContain(String(listener.address.port));
    await listener.stop();
  });

  it('because the address is not of this machine, or no address', async () => {
    expect((await failure({ kind: 'address', host: '192.0.2.1', port: 0 })).code).toBe(
      'ERR_ADDRESS_NOT_AVAILABLE',
    );
    expect((await failure({ kind: 'address', host: 'nowhere.invalid', port: 0 })).code).toBe(
      'ERR_ADDRESS_NOT_AVAILABLE',
    );
  });

  it('because the port is privileged', async (test) => {
    // Node's own process may be root, who may do anything: another user tries.
    const user = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    const script = `
      import { listen } from ${JSON.stringify(new URL('../../src/transport/listen.ts', import.meta.url).href)};
      const nothing = () => {};
      await listen({ target: { kind: 'address', host: '127.0.0.1', port: 1 }, onConnection: nothing, onRefused: nothing })
        .then((listener) => listener.stop().then(() => console.log('bound')), (error) => console.log(error.code));`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      ...user,
      cwd: '/',
    });
    const { stdout } = await run;
    test.skip(stdout.trim() === 'bound', 'every port is open to every user on this machine');
    expect(stdout.trim()).toBe('ERR_PORT_PERMISSION');
  });

  it('because the descriptor is none', async () => {
    expect((await failure({ kind: 'descriptor', fd: 9_999 })).code).toBe('ERR_LISTEN');
  });
});

const loopback = parseTrustedNetworks(['127.0.0.0/8', '::1']);
const balancers =
  loopback.kind === 'networks' ? { trusted: loopback.networks, headerTimeoutMs: 300 } : undefined;
const v1 = (address: string): string => `PROXY TCP4 ${address} 198.51.100.2 40000 5222\r\n`;

describe('a listener behind a load balancer', () => {
  it('reads the client from the header, and leaves later bytes', async () => {
    const { dial, accepted, arrivals, listener } = await scene({ balancers });
    const client = await dial();
    client.write(`${v1('192.0.2.77')}hello`);
    await eventually(() => accepted.length === 1);
    expect(arrivals[0]!.header).toMatchObject({
      source: { address: '192.0.2.77', port: 40_000 },
      destination: { address: '198.51.100.2', port: 5222 },
    });
    const [chunk] = (await once(accepted[0]!.resume(), 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hello');
    accepted[0]!.destroy();
    await listener.stop();
  });

  it('also when it dribbles in', async () => {
    const { dial, accepted, listener } = await scene({ balancers });
    const client = await dial();
    for (const character of `${v1('192.0.2.77')}x`) {
      client.write(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => accepted.length === 1);
    const [chunk] = (await once(accepted[0]!.resume(), 'data')) as [Buffer];
    expect(chunk.toString()).toBe('x');
    accepted[0]!.destroy();
    await listener.stop();
  });

  it('counts the clients of a balancer, not the balancer', async () => {
    const { dial, accepted, refused, admission, listener } = await scene(
      { balancers },
      { connectionsPerAddressMax: 2 },
    );
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.1'])
      (await dial()).write(v1(address));
    await eventually(() => refused.length === 1 && accepted.length === 3);
    expect(refused).toEqual(['ERR_ADDRESS_LIMIT']);
    expect(admission.addresses).toBe(2);
    for (const socket of accepted) socket.destroy();
    await eventually(() => admission.live === 0 && admission.addresses === 0);
    await listener.stop();
  });

  it.each([
    ['another protocol', '<?xml version="1.0"?>'],
    ['a header that is malformed', 'PROXY TCP4 a b c d\r\n'],
    ['a header that does not end', 'PROXY TCP4 192.0.2.1'],
    ['silence', ''],
  ])('refuses %s', async (_, text) => {
    const { dial, accepted, refused, admission, listener } = await scene({ balancers });
    const client = await dial();
    client.write(text);
    await eventually(() => refused.length === 1);
    expect(refused).toEqual(['ERR_PROXY_HEADER']);
    await eventually(() => admission.live === 0);
    expect(accepted).toEqual([]);
    client.destroy();
    await listener.stop();
  });

  it('believes no other network', async () => {
    const others = parseTrustedNetworks(['192.0.2.0/24']);
    if (others.kind === 'invalid') throw new Error('networks');
    const { dial, accepted, arrivals, listener } = await scene({
      balancers: { trusted: others.networks, headerTimeoutMs: 300 },
    });
    const client = await dial();
    client.write(v1('192.0.2.77'));
    await eventually(() => accepted.length === 1);
    expect(arrivals[0]).toMatchObject({ header: undefined, peer: { address: '127.0.0.1' } });
    const [chunk] = (await once(accepted[0]!.resume(), 'data')) as [Buffer];
    expect(chunk.toString()).toContain('PROXY');
    accepted[0]!.destroy();
    await listener.stop();
  });
});

describe('where a client connected to', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::', '::ffff:127.0.0.1'],
  ])('on %s is known while it is connected, and then that of the listener', async (host, local) => {
    const { accepted, arrivals, listener } = await scene({ target: { kind: 'address', host, port: 0 } });
    const { port } = listener.address;
    const client = connect({ port, host: '127.0.0.1' });
    await eventually(() => accepted.length === 1);
    expect(arrivals[0]!.local).toEqual({ address: local, port });
    client.destroy();
    await once(accepted[0]!.destroy(), 'close');
    expect(arrivals[0]!.local).toEqual({ address: host, port });
    await listener.stop();
  });
});

describe.skipIf(process.platform !== 'linux')('a listener that keeps SYNs', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '127.0.0.1'],
    ['::', '::1'],
  ])('on %s, of a client of %s', async (host, from) => {
    const { accepted, arrivals, listener } = await scene({
      target: { kind: 'address', host, port: 0 },
      synCapture: await loadSynCapture(),
    });
    expect(listener.synVisibility).toBe('edge');
    const client = connect({ port: listener.address.port, host: from });
    await eventually(() => accepted.length === 1);
    expect(arrivals[0]!.capture).toMatchObject({
      syn: { kind: 'syn', syn: { ipVersion: from === '::1' ? 6 : 4 } },
      tcp: { roundTripUs: expect.any(Number) },
    });
    client.destroy();
    accepted[0]!.destroy();
    await listener.stop();
  });

  it('on several ports at once, and on a descriptor that was bound elsewhere', async () => {
    const synCapture = await loadSynCapture();
    const descriptor = await boundDescriptor();
    if (descriptor === undefined) throw new Error('koffi is missing');
    const scenes = [
      await scene({ synCapture }),
      await scene({ synCapture }),
      await scene({ synCapture, target: { kind: 'descriptor', fd: descriptor.fd } }),
    ];
    for (const { dial, accepted, arrivals, listener } of scenes) {
      const client = await dial();
      await eventually(() => accepted.length === 1);
      expect(arrivals[0]!.capture.syn.kind).toBe('syn');
      client.destroy();
      accepted[0]!.destroy();
      await listener.stop();
    }
  });

  it('reports a port in use as an ordinary listener does', async () => {
    const synCapture = await loadSynCapture();
    const { listener } = await scene({ synCapture });
    const target = { kind: 'address', host: '127.0.0.1', port: listener.address.port } as const;
    expect((await rejection(scene({ synCapture, target }), SetupError)).code).toBe('ERR_PORT_IN_USE');
    const foreign = { kind: 'address', host: '192.0.2.1', port: 0 } as const;
    expect((await rejection(scene({ synCapture, target: foreign }), SetupError)).code).toBe(
      'ERR_ADDRESS_NOT_AVAILABLE',
    );
    await listener.stop();
  });

  it('goes on without SYNs, where the system calls are missing', async () => {
    const synCapture = await loadSynCapture('linux', () => Promise.reject(new Error('no koffi')));
    const { dial, accepted, arrivals, listener } = await scene({ synCapture });
    expect(listener.synVisibility).toBe('unsupported');
    const client = await dial();
    await eventually(() => accepted.length === 1);
    expect(arrivals[0]!.capture).toEqual({
      syn: { kind: 'absent', reason: 'unsupported' },
      tcp: undefined,
    });
    client.destroy();
    accepted[0]!.destroy();
    await listener.stop();
  });
});
