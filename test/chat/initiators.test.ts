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
import { createChatGatekeeper, type ChatGatekeeper } from '../../src/simulator/chat/gatekeeper.ts';
import type { ChatNode } from '../../src/simulator/chat/node.ts';
import type { ChatNodeRecord } from '../../src/simulator/chat/options.ts';
import { newServerKey, ServerHandshake } from '../../src/simulator/chat/noise.ts';
import { ChatUsers } from '../../src/simulator/chat/users.ts';
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

  type Baileys = ReturnType<typeof makeWASocket>;
  const users = new ChatUsers(7);
  const seen: ChatNodeRecord[] = [];

  /** The simulated gatekeeper over WebSocket, and its port. */
  async function listen(): Promise<{ readonly port: number; readonly gatekeeper: ChatGatekeeper }> {
    seen.length = 0;
    const http = createServer();
    const webSockets = new WebSocketServer({ server: http });
    const gatekeeper = createChatGatekeeper({
      users,
      listeners: [],
      ownership: { check: async () => ({ kind: 'refused', fault: 'malformed' }) },
      onNode: (record) => seen.push(record),
    });
    webSockets.on('connection', (socket) => {
      const connection = gatekeeper.attach({
        write: (bytes) => {
          socket.send(bytes);
        },
        end: () => {
          socket.close();
        },
      });
      socket.on('message', (data: Buffer) => {
        connection.receive(data);
      });
      socket.on('close', () => {
        connection.close();
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
    return { port: (http.address() as AddressInfo).port, gatekeeper };
  }

  /** Registers device 1 of a number, logs it in, and waits until it is. */
  async function logIn(port: number, number: string, name: string): Promise<Baileys> {
    const creds: AuthenticationCreds = initAuthCreds();
    creds.me = { id: `${number}:1@s.whatsapp.net`, name };
    const empty = new Uint8Array(0);
    creds.account = proto.ADVSignedDeviceIdentity.create({
      details: empty,
      accountSignatureKey: empty,
      accountSignature: empty,
      deviceSignature: empty,
    });
    users.addOwn(number, creds.noiseKey.public, 1);
    const keys = new Map<string, unknown>();
    const socket = makeWASocket({
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
    closing.push(() => {
      void socket.end(undefined);
    });
    await new Promise<void>((resolve, reject) => {
      socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
        if (connection === 'open') resolve();
        else if (connection === 'close') reject(lastDisconnect?.error ?? new Error('closed'));
      });
    });
    return socket;
  }

  const ofReceived = (tag: string, id?: string): ChatNode[] =>
    seen
      .filter(({ direction, node }) => direction === 'received' && node.tag === tag)
      .map(({ node }) => node)
      .filter(({ attrs }) => id === undefined || attrs['id'] === id);

  it('reaches open, pings, and acknowledges what it cannot decrypt', async () => {
    const { port, gatekeeper } = await listen();
    const socket = await logIn(port, '391234567', 'Juliet');
    const romeo = users.addOwn('39555', newServerKey().publicKey);
    await expect
      .poll(() => ofReceived('iq').some(({ attrs }) => attrs['xmlns'] === 'w:p'), { timeout: 10_000 })
      .toBe(true);

    const message = { tag: 'message', attrs: { id: '3EB0', to: romeo.address, type: 'text' } };
    const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from([0, 255, 3]) }];
    const ack = await socket.query({ ...message, content });
    expect(ack.attrs['class']).toBe('message');
    expect(gatekeeper.owed(romeo.address)).toMatchObject([
      { attrs: { id: '3EB0', from: '391234567:1@s.whatsapp.net', type: 'text' }, content },
    ]);

    gatekeeper.deliver('391234567:1@s.whatsapp.net', {
      tag: 'message',
      attrs: { id: '3EB1', from: romeo.address, t: '1', type: 'text' },
      content,
    });
    const owed = (tag: string): unknown => ofReceived(tag, '3EB1')[0]?.attrs;
    await expect
      .poll(() => owed('receipt'), { timeout: 10_000 })
      .toMatchObject({ type: 'retry', to: romeo.address });
    await expect
      .poll(() => owed('ack'), { timeout: 10_000 })
      .toMatchObject({ class: 'message', to: romeo.address });
    await expect.poll(() => gatekeeper.owed('391234567:1@s.whatsapp.net')).toEqual([]);
  });

  it('exchanges encrypted messages with another one through the gatekeeper', async () => {
    const { port, gatekeeper } = await listen();
    const [juliet, romeo] = [await logIn(port, '393331', 'Juliet'), await logIn(port, '393332', 'Romeo')];
    const texts = (socket: Baileys): string[] => {
      const list: string[] = [];
      socket.ev.on('messages.upsert', ({ messages }) => {
        for (const { key, message } of messages)
          if (key.fromMe !== true)
            list.push(message?.conversation ?? message?.extendedTextMessage?.text ?? '');
      });
      return list;
    };
    const heard = { juliet: texts(juliet), romeo: texts(romeo) };
    await juliet.sendMessage('393332@s.whatsapp.net', { text: 'wherefore art thou Romeo?' });
    await expect.poll(() => heard.romeo, { timeout: 20_000 }).toEqual(['wherefore art thou Romeo?']);
    await romeo.sendMessage('393331@s.whatsapp.net', { text: 'I take thee at thy word.' });
    await expect.poll(() => heard.juliet, { timeout: 20_000 }).toEqual(['I take thee at thy word.']);
    // All that was delivered is acknowledged on both sides, and nothing of it is readable here.
    await expect
      .poll(() => ['393331:1', '393332:1'].flatMap((user) => gatekeeper.owed(`${user}@s.whatsapp.net`)))
      .toEqual([]);
    expect(gatekeeper.counts).toMatchObject({ unfounded: 0, refused: 0, sentAgain: 0 });
    expect(ofReceived('message')).toHaveLength(2);
    const hex = (content: ChatNode['content']): string =>
      content instanceof Uint8Array
        ? Buffer.from(content).toString('hex')
        : Array.isArray(content)
          ? content.map((one) => hex((one as ChatNode).content)).join()
          : '';
    const sealed = ofReceived('message').map(({ content }) => hex(content));
    expect(sealed.every((bytes) => bytes.length > 100)).toBe(true);
    expect(sealed.join()).not.toContain(Buffer.from('wherefore').toString('hex'));
  });
});
