/** The login on a chat channel, against a server made of the simulator's handshake. */
import { duplexPair } from 'node:stream';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ChatHandshake } from '../../../src/chat/handshake.ts';
import { FrameReader, frameHeader, intro } from '../../../src/chat/frames.ts';
import { defaultChatLimits } from '../../../src/chat/limits.ts';
import { generateKeyPair } from '../../../src/noise/x25519.ts';
import { ChatCodec } from '../../../src/session/chat/codec.ts';
import { logIn, type LoginAnswer, type LoginLimits } from '../../../src/session/chat/login.ts';
import { ChatAuthority } from '../../../src/simulator/chat/authority.ts';
import { packNode, type ChatNode } from '../../../src/simulator/chat/node.ts';
import { newServerKey, ServerHandshake } from '../../../src/simulator/chat/noise.ts';
import { StreamError } from '../../../src/stanza/error.ts';
import { GatekeeperError } from '../../../src/transport/gatekeeper-error.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import { newWorkspace, vocabulary } from '../../support/scan.ts';

interface Peer {
  /** Sends nodes in one write. */
  send(...nodes: ChatNode[]): void;
  write(bytes: Uint8Array): void;
  end(): void;
}

interface LoginScene {
  readonly answer: Promise<LoginAnswer>;
  readonly abort: AbortController;
  readonly destroyed: () => boolean;
}

const codec = new ChatCodec({
  names: vocabulary,
  limits: defaultChatLimits,
  streamLimits: defaultLimits,
  interopServer: { read: 'either', write: 'omit' },
  workspace: newWorkspace(),
  sendingWorkspace: newWorkspace(),
});

const limits = { handshakeBytesMax: 16_384, frameBytesMax: 65_536, earlyBytesMax: 1_000 };

/** Logs in. @param afterFinish called with the peer when it has the client's last message
 *  @param hello in place of the server's first message */
function start(
  afterFinish: (peer: Peer) => void,
  {
    hello,
    timeoutMs = 5_000,
    own = limits,
  }: { hello?: Uint8Array; timeoutMs?: number; own?: LoginLimits } = {},
): LoginScene {
  const [near, far] = duplexPair();
  const authority = new ChatAuthority();
  const serverKey = newServerKey();
  const server = new ServerHandshake(serverKey, intro);
  const reader = new FrameReader(65_536);
  let encryption: ReturnType<ServerHandshake['finish']>['encryption'] | undefined;
  let sawIntro = false;
  let messages = 0;
  const frame = (bytes: Uint8Array): Buffer => Buffer.concat([frameHeader(bytes.length), bytes]);
  const peer: Peer = {
    send: (...nodes) =>
      far.write(Buffer.concat(nodes.map((node) => frame(encryption!.seal(packNode(node)))))),
    write: (bytes) => void far.write(bytes),
    end: () => void far.end(),
  };
  far.on('error', () => {});
  far.on('data', (chunk: Buffer) => {
    const rest = sawIntro ? chunk : chunk.subarray(intro.length);
    sawIntro = true;
    reader.push(rest, (message) => {
      messages += 1;
      if (messages === 1)
        far.write(
          hello ??
            frame(server.hello(Buffer.from(message), authority.chain(serverKey.publicKey, Date.now()))),
        );
      else {
        ({ encryption } = server.finish(Buffer.from(message)));
        afterFinish(peer);
      }
    });
  });
  const abort = new AbortController();
  const answer = logIn(near as unknown as Socket, {
    handshake: new ChatHandshake({
      staticKey: generateKeyPair(),
      ephemeralKey: generateKeyPair(),
      root: authority.root,
      clientPayload: Buffer.from('payload'),
      now: Date.now,
    }),
    codec,
    limits: own,
    timeoutMs,
    signal: abort.signal,
    bytesRead: () => {},
  });
  return { answer, abort, destroyed: () => near.destroyed };
}

const success: ChatNode = { tag: 'success', attrs: { t: '1' } };
const ib = (count: string): ChatNode => ({
  tag: 'ib',
  attrs: {},
  content: [{ tag: 'offline', attrs: { count } }],
});

/** Returns the code and the cause of a rejected login. */
async function failure({ answer, destroyed }: LoginScene): Promise<string> {
  const error: unknown = await answer.then(
    () => expect.fail('the login was answered'),
    (reason: unknown) => reason,
  );
  expect(destroyed()).toBe(true);
  if (error instanceof GatekeeperError) return `${error.code} ${error.dialCause}`;
  return error instanceof StreamError ? error.code : String(error);
}

describe('a login', () => {
  it('is accepted, and keeps what came before the success and with it', async () => {
    const { answer } = start((peer) => {
      peer.send(ib('1'), ib('2'), success, ib('3'));
    });
    const given = await answer;
    if (given.kind !== 'accepted') expect.fail('refused');
    expect(given.channel.waiting.map((xml) => Buffer.from(xml).toString())).toEqual([
      "<success t='1'/>",
      "<ib><offline count='1'/></ib>",
      "<ib><offline count='2'/></ib>",
    ]);
    // The frame after it was not opened: its counter is still due.
    const frames: string[] = [];
    given.channel.frames.push(given.channel.unread, (frame) => {
      frames.push(Buffer.from(codec.decode(given.channel.transport.receiving.open(frame))).toString());
    });
    expect(frames).toEqual(["<ib><offline count='3'/></ib>"]);
  });

  it.each([
    ['401', 401],
    ['', undefined],
    ['4 01', undefined],
    ['-1', undefined],
    ['12345678', undefined],
  ])('is refused for reason %j, read as %s', async (reason, read) => {
    const scene = start((peer) => peer.send({ tag: 'failure', attrs: { reason } }));
    expect(await scene.answer).toEqual({ kind: 'refused', reason: read });
    expect(scene.destroyed()).toBe(true);
  });

  it.each<[string, (peer: Peer) => void, string]>([
    [
      'more before the answer than the limit',
      (peer) => peer.send(...Array.from({ length: 40 }, () => ib('1'))),
      'ERR_CHANNEL_LOGIN',
    ],
    [
      'a stream error before it',
      (peer) => peer.send({ tag: 'stream:error', attrs: { code: '503' } }),
      'ERR_CHANNEL_HANDSHAKE login-refused',
    ],
    ['the end of the connection', (peer) => peer.end(), 'ERR_CHANNEL_HANDSHAKE login-refused'],
    ['zeros', (peer) => peer.write(Buffer.alloc(64)), 'ERR_CHANNEL_AUTHENTICATION'],
    ['a frame beyond the limit', (peer) => peer.write(Buffer.from([1, 0, 1])), 'ERR_CHANNEL_FRAME'],
  ])('fails at %s', async (_, afterFinish, code) => {
    expect(await failure(start(afterFinish))).toBe(code);
  });

  it('fails at a first message that is none, that is too large, and at none in time', async () => {
    const none = start(() => {}, { hello: Buffer.from([0, 0, 2, 1, 2]) });
    expect(await failure(none)).toBe('ERR_CHANNEL_HANDSHAKE handshake-failed');
    const large = start(() => {}, { hello: Buffer.from([0, 64, 1]) });
    expect(await failure(large)).toBe('ERR_CHANNEL_HANDSHAKE handshake-failed');
    const late = start(() => {}, { timeoutMs: 20 });
    expect(await failure(late)).toBe('ERR_GATEKEEPER_UNREACHABLE timed-out');
  });

  it('ends with the signal of the session', async () => {
    const scene = start(() => {});
    scene.abort.abort(new StreamError('reset', { code: 'ERR_SESSION_AGE' }));
    expect(await failure(scene)).toBe('ERR_SESSION_AGE');
  });
});
