import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Admission, type RefusalCode } from '../../src/transport/admission.ts';
import { SetupError } from '../../src/transport/error.ts';
import { listen, type Listener, type ListenOptions } from '../../src/transport/listen.ts';
import { boundDescriptor } from '../support/descriptors.ts';
import { eventually, rejection } from '../support/sockets.ts';

interface Scene {
  readonly listener: Listener;
  readonly accepted: Socket[];
  readonly refused: RefusalCode[];
  readonly admission: Admission;
  readonly dial: () => Promise<Socket>;
}

async function scene(more: Partial<ListenOptions> = {}, limits = {}): Promise<Scene> {
  const accepted: Socket[] = [];
  const refused: RefusalCode[] = [];
  const admission = new Admission({ connectionsMax: 100, connectionsPerAddressMax: 100, ...limits });
  const listener = await listen({
    target: { kind: 'address', host: '127.0.0.1', port: 0 },
    admission,
    onConnection: (socket) => accepted.push(socket),
    onRefused: (code) => refused.push(code),
    ...more,
  });
  return {
    listener,
    accepted,
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
  ])('closes what is beyond the limit at once, and counts it: %s', async (code, limits) => {
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

  it('counts no addresses where they say nothing', async () => {
    const { dial, accepted, listener } = await scene(
      { countAddresses: false },
      { connectionsPerAddressMax: 1 },
    );
    await dial();
    await dial();
    await eventually(() => accepted.length === 2);
    for (const socket of accepted) socket.destroy();
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

  it('stops accepting without a word to live connections', async () => {
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

  it('takes over a descriptor that is bound already', async (test) => {
    const bound = await boundDescriptor();
    if (bound === undefined) {
      test.skip('koffi is not installed');
      return;
    }
    const { dial, accepted, listener } = await scene({ target: { kind: 'descriptor', fd: bound.fd } });
    expect(listener.address.port).toBe(bound.port);
    await dial();
    await eventually(() => accepted.length === 1);
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
