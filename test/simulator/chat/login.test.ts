import { afterEach, describe, expect, it } from 'vitest';
import { ChatHandshake } from '../../../src/chat/handshake.ts';
import { encodeClientPayload } from '../../../src/chat/client-payload.ts';
import { FrameReader, frameHeader } from '../../../src/chat/frames.ts';
import { defaultChatLimits } from '../../../src/chat/limits.ts';
import { generateKeyPair } from '../../../src/noise/x25519.ts';
import { packFields } from '../../../src/simulator/chat/fields.ts';
import { packNode, unpackNode } from '../../../src/simulator/chat/node.ts';
import { newServerKey } from '../../../src/simulator/chat/noise.ts';
import { signedHeader } from '../../support/proxy-hmac.ts';
import { openSocket } from '../support/chat-socket.ts';
import {
  hasTag,
  host,
  interopPayload,
  letter,
  romeoNumber,
  startChatGatekeeper,
  subject,
  type RunningChatGatekeeper,
} from '../support/chat-gatekeeper.ts';

let running: RunningChatGatekeeper;
const start = async (...options: Parameters<typeof startChatGatekeeper>): Promise<RunningChatGatekeeper> =>
  (running = await startChatGatekeeper(...options));

afterEach(() => running.close());

describe('a login at the chat server', () => {
  it('of an enlisted user succeeds with the enlisted key and a token', async () => {
    const { julietLogsIn, logins, juliet } = await start();
    const app = await julietLogsIn();
    expect(app.answer).toEqual({
      tag: 'success',
      attrs: { t: expect.stringMatching(/^[0-9]{10}$/) as string, lid: `${juliet.number}@lid` },
    });
    expect(logins).toMatchObject([
      { address: juliet.address, reason: undefined, token: { kind: 'valid', subject } },
    ]);
    expect(logins[0]!.request.fields).toEqual(['5', '20', '38', '38.2']);
    expect(await app.receive(hasTag('ib'))).toMatchObject({
      content: [{ tag: 'offline', attrs: { count: '0' } }],
    });
  });

  it("is that of the proxy's own handshake and payload", async () => {
    const { gatekeeper, port, users, token, logins } = await start();
    const [staticKey, ephemeralKey] = [generateKeyPair(), generateKeyPair()];
    users.enlist({ subject, staticKey: staticKey.publicKey });
    const clientPayload = encodeClientPayload(
      {
        token: Buffer.from(await token()),
        enableReadReceipts: true,
        platform: 14,
        appVersion: [2, 3000, 1],
        padToBytes: 256,
      },
      defaultChatLimits,
    );
    const client = new ChatHandshake({
      staticKey,
      ephemeralKey,
      root: gatekeeper.root,
      clientPayload,
      now: Date.now,
    });
    const socket = await openSocket(port);
    const frames = new FrameReader(65_536);
    const received: Buffer[] = [];
    socket.on('data', (bytes) => frames.push(bytes, (frame) => received.push(Buffer.from(frame))));
    socket.write(client.start());
    await expect.poll(() => received.length).toBe(1);
    const { clientFinish, transport } = client.finish(received[0]!);
    socket.write(clientFinish);
    await expect.poll(() => received.length).toBe(3);
    expect(unpackNode(transport.receiving.open(received[1]!))).toMatchObject({ tag: 'success' });
    transport.receiving.open(received[2]!);
    const ping = packNode({ tag: 'iq', attrs: { id: '1', type: 'get', xmlns: 'w:p' } });
    const { ciphertext, tag } = transport.sending.seal(ping);
    socket.write(Buffer.concat([frameHeader(ciphertext.length + tag.length), ciphertext, tag]));
    await expect.poll(() => received.length).toBe(4);
    expect(unpackNode(transport.receiving.open(received[3]!)).attrs).toMatchObject({
      id: '1',
      type: 'result',
    });
    expect(logins[0]!.request).toMatchObject({ enableReadReceipts: true, platform: 14 });
  });

  it("of the gatekeeper's own app needs its key, and no token", async () => {
    const { romeoLogsIn, romeo, logins, connect } = await start();
    expect((await romeoLogsIn()).answer.tag).toBe('success');
    expect(logins[0]).toMatchObject({ address: romeo.address, token: undefined });
    const stranger = await connect({ number: romeoNumber, staticKey: newServerKey() });
    expect(stranger.answer).toEqual({ tag: 'failure', attrs: { reason: '401' } });
  });

  const wrong: [
    string,
    string,
    (of: RunningChatGatekeeper) => Promise<Parameters<RunningChatGatekeeper['julietLogsIn']>[0]>,
  ][] = [
    ['an expired token', '413', async ({ token }) => ({ token: await token(-60) })],
    ['no token', '414', async () => ({ payload: interopPayload({}) })],
    ['a token that is none', '414', async () => ({ token: 'a.b.c' })],
    [
      'the token of a user who has not enlisted',
      '415',
      async ({ token }) => ({ token: await token(300, 'nurse@provider.example') }),
    ],
    ['another key than the enlisted one', '401', async () => ({ staticKey: newServerKey() })],
    ["another account's number", '401', async () => ({ accountId: 1 })],
    ["another account's number as user name", '401', async () => ({ username: 1 })],
    ['an unknown product', '418', async () => ({ product: 3 })],
    ['no description of the app', '409', async () => ({ userAgent: null })],
    [
      'an old version',
      '405',
      async () => ({ userAgent: packFields([1, 14], [2, packFields([1, 2], [2, 2999])]) }),
    ],
  ];
  it.each(wrong)('with %s fails by the reason %s', async (_, reason, options) => {
    const server = await start({ appVersionMin: [2, 3000] });
    const app = await server.julietLogsIn(await options(server));
    expect(app.answer).toEqual({ tag: 'failure', attrs: { reason } });
    await app.closed;
    expect(server.logins).toMatchObject([{ address: undefined, reason: Number(reason) }]);
    expect(server.connections.map(({ event }) => event)).toEqual(['opened', 'refused', 'closed']);
  });

  it('may state the number of its account, as either field', async () => {
    const { julietLogsIn, juliet } = await start();
    const number = Number(juliet.number);
    expect((await julietLogsIn({ accountId: number, username: number })).answer.tag).toBe('success');
  });

  it('fails by any reason that a test chooses', async () => {
    const attrs = { reason: '402', code: '101', expire: '3600' };
    const { julietLogsIn } = await start({ refuse: () => attrs });
    expect((await julietLogsIn()).answer.attrs).toEqual(attrs);
  });

  it('with a payload that is none ends the connection, and nothing else', async () => {
    const { julietLogsIn, connections } = await start();
    await expect(julietLogsIn({ payload: Buffer.of(0x0a, 0xff) })).rejects.toThrow('ERR_SIMULATOR_STREAM');
    await expect.poll(() => connections.map(({ event }) => event)).toEqual(['opened', 'closed']);
    expect((await julietLogsIn()).answer.tag).toBe('success');
  });

  it('after a withdrawn enlistment fails', async () => {
    const { julietLogsIn, users } = await start();
    expect(users.withdraw(subject)).toBe(true);
    expect((await julietLogsIn()).answer.attrs['reason']).toBe('415');
  });

  it('has a time limit: a silent client is cut off', async () => {
    const { port, connections } = await start({ limits: { loginTimeoutMs: 50 } });
    const socket = await openSocket(port);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(connections.map(({ event }) => event)).toEqual(['opened', 'closed']);
  });
});

describe('a PROXY header', () => {
  const header = signedHeader({ key: 'secret' });

  it.each(['required', 'optional'] as const)('is read where it is %s', async (proxyProtocol) => {
    const { julietLogsIn, headers } = await start({ listeners: [{ host, port: 0, proxyProtocol }] });
    expect((await julietLogsIn({ prefix: header })).answer.tag).toBe('success');
    expect(headers).toMatchObject([{ connectionId: 1, header: { source: { address: '192.0.2.77' } } }]);
  });

  it('may be missing where it is optional, and only there', async () => {
    const server = await start({
      listeners: [
        { host, port: 0, proxyProtocol: 'optional' },
        { host, port: 0, proxyProtocol: 'required' },
      ],
    });
    expect((await server.julietLogsIn()).answer.tag).toBe('success');
    const socket = await openSocket(server.bound[1]!.port);
    socket.write('WA\u0006\u0003');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(server.headers).toEqual([]);
  });

  it('is no intro where none is expected', async () => {
    const { julietLogsIn, headers } = await start();
    await expect(julietLogsIn({ prefix: header })).rejects.toThrow('ERR_SIMULATOR_STREAM');
    expect(headers).toEqual([]);
  });
});

describe('a second login of a device', () => {
  it('ends the first by the error that it was replaced', async () => {
    const { romeoLogsIn, connections } = await start();
    const first = await romeoLogsIn();
    const second = await romeoLogsIn();
    expect(await first.receive(hasTag('stream:error'))).toEqual({
      tag: 'stream:error',
      attrs: { code: '409' },
      content: [{ tag: 'conflict', attrs: { type: 'replaced' } }],
    });
    await first.receive(hasTag('xmlstreamend'));
    await first.closed;
    second.send({ tag: 'iq', attrs: { id: '1', type: 'get', xmlns: 'w:p' } });
    expect((await second.receive(hasTag('iq', '1'))).attrs['type']).toBe('result');
    expect(connections.filter(({ event }) => event === 'closed')).toHaveLength(1);
  });

  it('is none of another device', async () => {
    const { romeoLogsIn, users, julietLogsIn, juliet, romeo } = await start();
    const tablet = newServerKey();
    users.addOwn(romeoNumber, tablet.publicKey, 3);
    const [phone, second] = [await romeoLogsIn(), await romeoLogsIn({ device: 3, staticKey: tablet })];
    const sender = await julietLogsIn();
    sender.send(letter(romeo.address, 'to-both'));
    for (const app of [phone, second])
      expect((await app.receive(hasTag('message', 'to-both'))).attrs['from']).toBe(juliet.address);
  });
});
