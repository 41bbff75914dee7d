/** The leg over the chat channel, with the keys of both ends in the test's hands. */
import { createCipheriv } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { duplexPair, type Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { defaultChatLimits } from '../../../src/chat/limits.ts';
import { FrameReader, frameHeader } from '../../../src/chat/frames.ts';
import { aesGcm } from '../../../src/noise/cipher.ts';
import { CipherState, counterEnd } from '../../../src/noise/cipher-state.ts';
import { ChatCodec } from '../../../src/session/chat/codec.ts';
import { ReadBatch } from '../../../src/session/read-batch.ts';
import { ChatLeg, waitingAnswersMax } from '../../../src/session/chat/chat-leg.ts';
import { packNode, unpackNode, type ChatNode } from '../../../src/simulator/chat/node.ts';
import { StreamError } from '../../../src/stanza/error.ts';
import type { Stanza } from '../../../src/stanza/stanza.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import type { WriteStallWatch } from '../../../src/transport/write-stall.ts';
import { newWorkspace, vocabulary } from '../../support/scan.ts';

const [up, down] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

/** Seals as the gatekeeper does, with Node's cipher alone. */
class Sealer {
  #counter = 0;
  seal(plain: Uint8Array): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(this.#counter++, 8);
    const cipher = createCipheriv('aes-256-gcm', down, nonce);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return Buffer.concat([frameHeader(sealed.length), sealed]);
  }
}

interface LegScene {
  readonly leg: ChatLeg;
  readonly peer: Duplex;
  readonly events: string[];
  readonly read: string[];
  readonly written: ChatNode[];
  readonly dismissed: string[];
  send(...nodes: ChatNode[]): void;
  sendPlain(...frames: Uint8Array[]): void;
}

function newCodec(limits = defaultChatLimits): ChatCodec {
  return new ChatCodec({
    names: vocabulary,
    limits,
    streamLimits: { ...defaultLimits, stanzaBytesMax: 2_097_152, tagBytesMax: 2_097_152 },
    interopServer: { read: 'either', write: 'omit' },
    workspace: newWorkspace(),
    sendingWorkspace: newWorkspace(),
  });
}

function open({ counter = 0, codec = newCodec(), waiting = [] as Uint8Array[] } = {}): LegScene {
  const [own, peer] = duplexPair();
  const [events, read, dismissed]: [string[], string[], string[]] = [[], [], []];
  const written: ChatNode[] = [];
  const reader = new FrameReader(1 << 20);
  const opener = new CipherState(aesGcm, up, counter);
  peer.on('data', (chunk: Buffer) => {
    reader.push(chunk, (frame) => written.push(unpackNode(opener.open(frame))));
  });
  const transport = {
    sending: new CipherState(aesGcm, up, counter),
    receiving: new CipherState(aesGcm, down),
    handshakeHash: Buffer.alloc(32),
  };
  const channel = {
    socket: own as unknown as Socket,
    frames: new FrameReader(defaultChatLimits.frameBytesMax),
    transport,
    unread: new Uint8Array(0),
    waiting,
  };
  const leg = new ChatLeg(
    channel,
    {
      codec,
      output: newWorkspace().output,
      writeStalls: { watch: () => {} } as unknown as WriteStallWatch,
      reads: new ReadBatch(),
      dismissed: (error) => dismissed.push(Buffer.from(error.wire()).toString()),
    },
    {
      bytesRead: () => {},
      handled: () => events.push('handled'),
      refused: (error, side) =>
        events.push(`${side} ${error instanceof StreamError ? error.code : String(error)}`),
      lost: (side) => events.push(`lost ${side}`),
      stalled: () => events.push('stalled'),
    },
  );
  leg.receive({
    stanza: (stanza: Stanza) => void read.push(Buffer.from(stanza.wire()).toString()),
    whitespace: () => {},
    end: () => void events.push('end'),
  });
  leg.start();
  const sealer = new Sealer();
  const sendPlain = (...frames: Uint8Array[]): void => {
    peer.write(Buffer.concat(frames.map((frame) => sealer.seal(frame))));
  };
  return {
    leg,
    peer,
    events,
    read,
    written,
    dismissed,
    sendPlain,
    send: (...nodes) => sendPlain(...nodes.map((node) => packNode(node))),
  };
}

const presence = (id: string): ChatNode => ({ tag: 'presence', attrs: { id } });
const xml = (id: string): string => `<presence id='${id}'/>`;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('reading', () => {
  it('delivers first what waited, then frames in order, and nothing while held', async () => {
    const scene = open({ waiting: [Buffer.from(xml('w1')), Buffer.from(xml('w2'))] });
    scene.send(presence('1'), presence('2'));
    await settle();
    expect(scene.read).toEqual([]);
    scene.leg.release();
    expect(scene.read).toEqual([xml('w1'), xml('w2'), xml('1'), xml('2')]);
  });

  it('stops after the stanza in which it is held, and goes on with the next', async () => {
    const scene = open();
    scene.leg.release();
    scene.leg.receive({
      stanza: (stanza) => {
        scene.read.push(Buffer.from(stanza.wire()).toString());
        scene.leg.hold();
      },
      whitespace: () => {},
      end: () => {},
    });
    scene.send(presence('1'), presence('2'), presence('3'));
    await settle();
    expect(scene.read).toEqual([xml('1')]);
    scene.leg.release();
    expect(scene.read).toEqual([xml('1'), xml('2')]);
    scene.leg.release();
    expect(scene.read).toEqual([xml('1'), xml('2'), xml('3')]);
  });

  it('reads bytes of any split', async () => {
    const scene = open();
    scene.leg.release();
    const sealer = new Sealer();
    for (const byte of Buffer.concat(['1', '2', '3'].map((id) => sealer.seal(packNode(presence(id))))))
      scene.peer.write(Buffer.of(byte));
    await settle();
    expect(scene.read).toEqual([xml('1'), xml('2'), xml('3')]);
  });

  it('reports the end of the stream, the error that ends it, and the end of the connection', async () => {
    const scene = open();
    scene.leg.release();
    scene.send({ tag: 'stream:error', attrs: { code: '515' } });
    scene.sendPlain(Buffer.from([0, 248, 1, 2]));
    await settle();
    expect(scene.dismissed).toEqual(["<n:node tag='stream:error' code='515'/>"]);
    expect(scene.events).toContain('end');
    scene.peer.end();
    await settle();
    expect(scene.events.at(-1)).toBe('lost gatekeeper');
  });

  it.each<[string, Buffer, string]>([
    ['no node', Buffer.from([0, 0]), 'ERR_CHANNEL_CODEC'],
    ['bytes after its node', Buffer.concat([packNode(presence('1')), Buffer.of(0)]), 'ERR_CHANNEL_CODEC'],
    ['undefined flags', Buffer.from([1]), 'ERR_CHANNEL_CODEC'],
    ['no bytes at all', Buffer.alloc(0), 'ERR_CHANNEL_CODEC'],
    ['broken compression', Buffer.from([2, 1, 2, 3]), 'ERR_CHANNEL_CODEC'],
  ])('ends with its code at a frame with %s', async (_, frame, code) => {
    const scene = open();
    scene.leg.release();
    scene.sendPlain(packNode(presence('before')), frame, packNode(presence('after')));
    await settle();
    expect(scene.read).toEqual([xml('before')]);
    expect(scene.events).toContain(`gatekeeper ${code}`);
  });

  it('ends at a frame that is repeated, and at one that announces too much', async () => {
    const scene = open();
    scene.leg.release();
    const frame = new Sealer().seal(packNode(presence('1')));
    scene.peer.write(Buffer.concat([frame, frame]));
    await settle();
    expect(scene.read).toEqual([xml('1')]);
    expect(scene.events).toEqual(['gatekeeper ERR_CHANNEL_AUTHENTICATION']);
    const large = open();
    large.leg.release();
    large.peer.write(Buffer.from([0x10, 0, 1]));
    await settle();
    expect(large.events).toEqual(['gatekeeper ERR_CHANNEL_FRAME']);
  });

  it('keeps nothing of what came with the stanza at which it ended', async () => {
    const scene = open();
    scene.leg.release();
    scene.peer.on('end', () => scene.peer.end());
    const ended = new Promise((resolve) => {
      scene.leg.receive({
        stanza: () => void scene.leg.end(2_000).then(resolve),
        whitespace: () => {},
        end: () => {},
      });
    });
    // More than a frame may have: kept, it would stop reading, and the peer's end would not be seen.
    const rest = Buffer.alloc(defaultChatLimits.frameBytesMax + 1);
    scene.peer.write(Buffer.concat([new Sealer().seal(packNode(presence('1'))), rest]));
    expect(await ended).toBe('closed');
    expect(scene.events).toEqual(['handled']);
  });

  it('is not kept by the codec after its end', async () => {
    const codec = newCodec();
    const session = async (): Promise<WeakRef<object>> => {
      const scene = open({ codec });
      scene.leg.release();
      scene.send(presence('1'));
      scene.leg.write(Buffer.from(xml('2')));
      await settle();
      scene.peer.on('end', () => scene.peer.end());
      await scene.leg.end(1_000);
      return new WeakRef(scene.leg);
    };
    const leg = await session();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let round = 0; round < 10 && leg.deref() !== undefined; round += 1) {
      await settle();
      collect();
    }
    expect(leg.deref()).toBeUndefined();
    // It serves other sessions meanwhile.
    expect(codec).toBeInstanceOf(ChatCodec);
  });

  it('is not disturbed by the fault of another session that shares the codec', async () => {
    const codec = newCodec();
    const [one, other] = [open({ codec }), open({ codec })];
    one.leg.release();
    other.leg.release();
    one.leg.receive({
      stanza: () => {
        throw new StreamError('policy-violation', { code: 'ERR_WAITING' });
      },
      whitespace: () => {},
      end: () => {},
    });
    one.send(presence('1'));
    await settle();
    other.send(presence('2'));
    await settle();
    expect(one.events).toEqual(['gatekeeper ERR_WAITING']);
    expect(other.read).toEqual([xml('2')]);
  });
});

describe('writing', () => {
  const write = ({ leg }: LegScene, text: string): void => leg.write(Buffer.from(text));

  it('passes what was queued in one write per flush, as frames in order', async () => {
    const scene = open();
    let writes = 0;
    scene.peer.on('data', () => (writes += 1));
    for (const id of ['1', '2', '3']) write(scene, xml(id));
    await settle();
    expect(writes).toBe(0);
    scene.leg.flush();
    await settle();
    expect(writes).toBe(1);
    expect(scene.written.map(({ attrs }) => attrs['id'])).toEqual(['1', '2', '3']);
  });

  it('takes a range of a buffer, and prefixes of its own', async () => {
    const scene = open();
    const bytes = Buffer.from(`<before/>${xml('1')}<after/>`);
    scene.leg.write(bytes, 9, 9 + xml('1').length);
    write(scene, "<iq xmlns:m='urn:narthex:chat:marks:0' id='2' m:xmlns='w:p'/>");
    scene.leg.flush();
    await settle();
    expect(scene.written).toMatchObject([{ attrs: { id: '1' } }, { attrs: { id: '2', xmlns: 'w:p' } }]);
  });

  it('writes nothing for white space and padding', async () => {
    const scene = open();
    scene.leg.keepAlive();
    write(scene, `${xml('1')}      `);
    scene.leg.flush();
    await settle();
    expect(scene.written).toHaveLength(1);
  });

  it('answers a stanza without a form in the gatekeeper’s place, after the step in progress', async () => {
    const scene = open();
    scene.leg.release();
    write(scene, "<message id='m' to='1@lid'><enc>no base64!</enc></message>");
    write(scene, "<iq id='q' type='get' to='s.whatsapp.net'><x xmlns='urn:other'/></iq>");
    expect(scene.read).toEqual([]);
    await settle();
    expect(scene.read).toHaveLength(2);
    expect(scene.read[0]).toMatch(/^<ack [^>]*id='m'/);
    expect(scene.read[1]).toMatch(
      /^<iq [^>]*id='q'[^>]*type='error'><error code='406' text='not-acceptable'\/><\/iq>$/,
    );
    scene.leg.flush();
    await settle();
    expect(scene.written).toEqual([]);
  });

  it('keeps a bounded number of answers while it is held, and delivers them after what waited', async () => {
    const scene = open({ waiting: [Buffer.from(xml('w1'))] });
    const refused = "<iq id='q' type='get'><x xmlns='urn:other'/></iq>";
    for (let count = 0; count < waitingAnswersMax; count += 1) write(scene, refused);
    expect(() => write(scene, refused)).toThrow('ERR_CHANNEL_STANZA');
    await settle();
    expect(scene.read).toEqual([]);
    scene.leg.release();
    expect(scene.read).toHaveLength(1 + waitingAnswersMax);
    expect(scene.read[0]).toBe(xml('w1'));
    write(scene, refused);
    await settle();
    expect(scene.read).toHaveLength(2 + waitingAnswersMax);
  });

  it('ends the session at one that cannot be answered', () => {
    const scene = open();
    expect(() => write(scene, "<presence id='p'>text and <b/></presence>")).toThrow('ERR_CHANNEL_STANZA');
    // The codec goes on for others.
    write(scene, xml('1'));
  });

  it('never uses a counter twice: after the last one it ends', async () => {
    const scene = open({ counter: counterEnd - 1 });
    write(scene, xml('1'));
    expect(() => write(scene, xml('2'))).toThrow('ERR_CHANNEL_EXHAUSTED');
    scene.leg.flush();
    await settle();
    expect(scene.written.map(({ attrs }) => attrs['id'])).toEqual(['1']);
  });

  it('reports a peer that does not drain', async () => {
    const scene = open();
    scene.peer.removeAllListeners('data');
    scene.peer.pause();
    let fits = true;
    for (let round = 0; fits && round < 1_000; round += 1) {
      write(scene, `<presence name='${'x'.repeat(1_000)}'/>`);
      fits = scene.leg.flush();
    }
    expect(fits).toBe(false);
    const drained = new Promise<void>((resolve) => scene.leg.onceDrained(resolve));
    scene.peer.resume();
    await drained;
  });
});
