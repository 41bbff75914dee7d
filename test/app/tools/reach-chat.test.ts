/** `check --connect` before a gatekeeper of the chat channel: the handshake up to its certificates, and no login. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/app/clock.ts';
import { reachGatekeepers, type Reach } from '../../../src/app/tools/reach.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { ChatAuthority, newSigningKey } from '../../../src/simulator/chat/authority.ts';
import { createChatGatekeeper } from '../../../src/simulator/chat/gatekeeper.ts';
import type { ChatFaults } from '../../../src/simulator/chat/faults.ts';
import { ChatUsers } from '../../../src/simulator/chat/users.ts';

const authority = new ChatAuthority();

async function reach(port: number, rootKey = authority.root.key, dialMs = 5_000): Promise<readonly Reach[]> {
  const config = configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', port: 0, tls: 'direct' }],
    certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
    domains: [{ domain: 'd0.example', gatekeeper: 'chat' }],
    gatekeepers: [
      {
        name: 'chat',
        protocol: 'chat-channel',
        connect: { address: `127.0.0.1:${port}` },
        chat: {
          rootKey: rootKey.toString('hex'),
          accountSecretFiles: ['never-read'],
          integrator: 7,
          platform: 1,
          appVersion: [2],
        },
      },
    ],
    timeouts: { dialMs },
  });
  return reachGatekeepers(config, systemClock);
}

async function gatekeeper(faults: ChatFaults = {}): Promise<{ port: number; logins: unknown[] }> {
  const logins: unknown[] = [];
  const server = createChatGatekeeper({
    authority,
    users: new ChatUsers(7),
    ownership: { check: async () => ({ kind: 'refused', fault: 'malformed' }) },
    listeners: [{ host: '127.0.0.1', port: 0 }],
    faults: () => faults,
    onLogin: (record) => logins.push(record),
  });
  const [listener] = await server.start();
  onTestFinished(() => server.close());
  return { port: listener!.port, logins };
}

/** A server that treats its connections in this way. */
async function other(serve: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

it('a gatekeeper with valid certificates is reached, and sees no login', async () => {
  const { port, logins } = await gatekeeper();
  const [reached] = await reach(port);
  expect(reached).toMatchObject({ kind: 'reached', domain: 'd0.example', tlsVersion: 'Noise' });
  const until = Date.parse((reached as { notAfter: string }).notAfter) - Date.now();
  expect(until).toBeGreaterThan(86_300_000);
  expect(until).toBeLessThan(86_500_000);
  expect(logins).toEqual([]);
});

it('one under another root is not', async () => {
  const { port } = await gatekeeper();
  expect(await reach(port, newSigningKey().publicKey)).toMatchObject([
    { kind: 'failed', code: 'ERR_CHANNEL_HANDSHAKE', cause: 'chain-refused' },
  ]);
});

it.each([
  ['expired', { notAfter: 1_000_000_000 }],
  ['not-yet-valid', { notBefore: 4_000_000_000 }],
])('one whose certificates are %s is not', async (cause, chain) => {
  const { port } = await gatekeeper({ chain });
  expect(await reach(port)).toMatchObject([{ kind: 'failed', code: 'ERR_CHANNEL_HANDSHAKE', cause }]);
});

it.each<[string, (socket: Socket) => void, string]>([
  ['closes', (socket) => socket.end(), 'handshake-failed'],
  [
    'speaks another protocol',
    (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'handshake-failed',
  ],
  ['is silent', () => {}, 'timed-out'],
])('a server that %s is none', async (_, serve, cause) => {
  const port = await other(serve);
  expect(await reach(port, undefined, 300)).toMatchObject([{ kind: 'failed', cause }]);
});
