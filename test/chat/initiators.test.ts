import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPairSync } from 'node:crypto';
import makeWASocket, { initAuthCreds, type AuthenticationCreds } from 'baileys';
import { makeNoiseHandler } from 'baileys/lib/Utils/noise-handler.js';
import { proto } from 'baileys/WAProto/index.js';
import { NoiseSession } from 'whatsapp-rust-bridge';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { ChatAuthority } from '../../src/simulator/chat/authority.ts';
import { ChatConnection } from '../../src/simulator/chat/connection.ts';
import type { ChatNode } from '../../src/simulator/chat/node.ts';
import { newServerKey, ServerHandshake } from '../../src/simulator/chat/noise.ts';
import { intro, now } from './chat-pair.ts';

const authority = new ChatAuthority();
const silent = {
  level: 'silent',
  child: () => silent,
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

interface RawKeyPair {
  readonly public: Uint8Array;
  readonly private: Uint8Array;
}

function rawKeyPair(): RawKeyPair {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  return { private: Buffer.from(d!, 'base64url'), public: Buffer.from(x!, 'base64url') };
}

describe("the simulator's responder", () => {
  it.each([undefined, Buffer.from('routing cookie')])(
    'completes handshakes with Baileys (cookie %s)',
    async (cookie) => {
      for (let run = 0; run < 10; run += 1) {
        const [ephemeral, noiseKey] = [rawKeyPair(), rawKeyPair()];
        const noise = makeNoiseHandler({
          keyPair: ephemeral,
          NOISE_HEADER: intro,
          logger: silent,
          ...(cookie === undefined ? {} : { routingInfo: cookie }),
        } as unknown as Parameters<typeof makeNoiseHandler>[0]);
        const first = noise.encodeFrame(
          proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish(),
        );
        const introLength = cookie === undefined ? 4 : 4 + 7 + cookie.length;
        expect(Buffer.from(first.subarray(0, introLength)).subarray(-4)).toEqual(intro);
        const serverKey = newServerKey();
        const server = new ServerHandshake(serverKey, intro);
        const hello = server.hello(
          first.subarray(introLength + 3),
          authority.chain(serverKey.publicKey, now),
        );
        const keyEnc = noise.processHandshake(proto.HandshakeMessage.decode(hello), noiseKey);
        const payload = noise.encrypt(Buffer.from('payload'));
        const finish = noise.encodeFrame(
          proto.HandshakeMessage.encode({ clientFinish: { static: keyEnc, payload } }).finish(),
        );
        const { client, encryption } = server.finish(finish.subarray(3));
        expect([client.payload.toString(), client.staticKey]).toEqual([
          'payload',
          Buffer.from(noiseKey.public),
        ]);
        await noise.finishInit();
        expect(encryption.open(noise.encodeFrame(Buffer.from('there')).subarray(3)).toString()).toBe('there');
        expect(noise.decrypt(encryption.seal(Buffer.from('back'))).toString()).toBe('back');
      }
    },
  );

  it('completes handshakes with the bridge', () => {
    for (let run = 0; run < 10; run += 1) {
      const [ephemeral, noiseKey] = [rawKeyPair(), rawKeyPair()];
      const session = new NoiseSession(ephemeral.public, intro);
      const serverKey = newServerKey();
      const server = new ServerHandshake(serverKey, intro);
      const clientHello = proto.HandshakeMessage.encode({
        clientHello: { ephemeral: ephemeral.public },
      }).finish();
      const hello = proto.HandshakeMessage.decode(
        server.hello(clientHello, authority.chain(serverKey.publicKey, now)),
      ).serverHello!;
      session.processHandshakeInit(hello.ephemeral!, hello.static!, hello.payload!, ephemeral.private);
      const sealedKey = session.processHandshakeFinish(noiseKey.public, noiseKey.private, hello.ephemeral!);
      const payload = session.encrypt(Buffer.from('payload'));
      const finish = proto.HandshakeMessage.encode({ clientFinish: { static: sealedKey, payload } }).finish();
      const { client, encryption } = server.finish(finish);
      expect([client.payload.toString(), client.staticKey]).toEqual([
        'payload',
        Buffer.from(noiseKey.public),
      ]);
      session.finishInit();
      expect(encryption.open(session.encrypt(Buffer.from('there'))).toString()).toBe('there');
      expect(Buffer.from(session.decrypt(encryption.seal(Buffer.from('back')))).toString()).toBe('back');
      session.free();
    }
  });
});

describe('a whole Baileys client', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  /** A chat server over WebSocket that answers what a client asks after its login. */
  async function listen(stanza: (node: ChatNode, connection: ChatConnection) => void): Promise<number> {
    const http = createServer();
    const webSockets = new WebSocketServer({ server: http });
    const serverKey = newServerKey();
    webSockets.on('connection', (socket) => {
      const options = { serverKey, authority, now: () => now, login: () => undefined, stanza };
      const connection = new ChatConnection(
        options,
        (bytes) => {
          socket.send(bytes);
        },
        () => {
          socket.close();
        },
      );
      socket.on('message', (data: Buffer) => {
        connection.receive(data);
      });
    });
    await new Promise<void>((resolve) => {
      http.listen(0, '127.0.0.1', resolve);
    });
    closing.push(() => {
      webSockets.close();
      for (const socket of webSockets.clients) socket.terminate();
      http.close();
    });
    return (http.address() as AddressInfo).port;
  }

  function connect(port: number): ReturnType<typeof makeWASocket> {
    const creds: AuthenticationCreds = initAuthCreds();
    creds.me = { id: '391234567:1@s.whatsapp.net', name: 'Juliet' };
    const keys = new Map<string, unknown>();
    return makeWASocket({
      auth: {
        creds,
        keys: {
          get: (type: string, ids: string[]) =>
            Object.fromEntries(ids.map((id) => [id, keys.get(`${type} ${id}`)])) as never,
          set: (data: object) => {
            for (const [type, values] of Object.entries(data))
              for (const [id, value] of Object.entries(values as object)) keys.set(`${type} ${id}`, value);
          },
        },
      },
      waWebSocketUrl: `ws://127.0.0.1:${port}/`,
      logger: silent as never,
      keepAliveIntervalMs: 200,
      fireInitQueries: false,
    });
  }

  it('reaches open, pings, and exchanges messages', async () => {
    const seen: ChatNode[] = [];
    let server: ChatConnection | undefined;
    const port = await listen((node, connection) => {
      seen.push(node);
      server = connection;
      const { id, type, to = 's.whatsapp.net' } = node.attrs;
      if (node.tag === 'iq' && (type === 'get' || type === 'set')) {
        const count = node.attrs['xmlns'] === 'encrypt' && type === 'get';
        const content = count ? [{ tag: 'count', attrs: { value: '40' } }] : undefined;
        connection.send({
          tag: 'iq',
          attrs: { id: id!, type: 'result', from: to },
          ...(content && { content }),
        });
      }
      if (node.tag === 'message')
        connection.send({ tag: 'ack', attrs: { class: 'message', id: id!, from: node.attrs['to']! } });
    });
    const socket = connect(port);
    closing.push(() => {
      void socket.end(undefined);
    });
    await new Promise<void>((resolve, reject) => {
      socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
        if (connection === 'open') resolve();
        else if (connection === 'close') reject(lastDisconnect?.error ?? new Error('closed'));
      });
    });
    await expect
      .poll(() => seen.some(({ attrs }) => attrs['xmlns'] === 'w:p'), { timeout: 10_000 })
      .toBe(true);

    const message = { tag: 'message', attrs: { id: '3EB0', to: '39555@s.whatsapp.net', type: 'text' } };
    const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from([0, 255, 3]) }];
    const ack = await socket.query({ ...message, content });
    expect(ack.attrs['class']).toBe('message');
    const sent = seen.find(({ tag }) => tag === 'message')!;
    expect(sent.attrs).toEqual(message.attrs);
    expect(sent.content).toEqual([{ ...content[0], content: Buffer.from([0, 255, 3]) }]);

    // One that it cannot decrypt is acknowledged all the same, and asked for again.
    server!.send({ tag: 'ib', attrs: {}, content: [{ tag: 'offline', attrs: { count: '0' } }] });
    server!.send({
      tag: 'message',
      attrs: { id: '3EB1', from: '39555@s.whatsapp.net', t: '1', type: 'text' },
      content,
    });
    const owed = (tag: string): unknown =>
      seen.find((node) => node.tag === tag && node.attrs['id'] === '3EB1')?.attrs;
    await expect
      .poll(() => owed('receipt'), { timeout: 10_000 })
      .toMatchObject({ type: 'retry', to: '39555@s.whatsapp.net' });
    await expect
      .poll(() => owed('ack'), { timeout: 10_000 })
      .toMatchObject({ class: 'message', to: '39555@s.whatsapp.net' });
  });
});
