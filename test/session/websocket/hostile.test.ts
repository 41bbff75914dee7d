/** Clients that break the rules of frames, or use them to make the proxy hold or do much. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  conditionIn,
  Conversation,
  settled,
  WebSocketPeer,
  type ConversationOptions,
} from '../conversation.ts';
import { closeFrame, frame, opcodes, textFrame } from '../../support/websocket-frames.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';

const talks: Conversation[] = [];
function begin(options: ConversationOptions = {}): Conversation {
  const talk = new Conversation({ overWebSocket: true, ...options });
  talks.push(talk);
  return talk;
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

const framesOf = ({ client }: Conversation): WebSocketPeer['frames'] => (client as WebSocketPeer).frames;
const endOf = async (talk: Conversation): Promise<string> => talk.closed ?? (await talk.session.done);
const message = "<message xmlns='jabber:client'><body>x</body></message>";
const { continuation, text, ping, pong } = opcodes;

describe('frames that break RFC 6455 end the WebSocket with the code of the rule', () => {
  it.each<[string, Uint8Array, number, string]>([
    [
      'a reserved bit without an extension (§5.2)',
      frame(message, { reserved: 4 }),
      1002,
      'ERR_WEBSOCKET_FRAME',
    ],
    ['another reserved bit', frame(message, { reserved: 1 }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['no mask (§5.1)', frame(message, { masked: false }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['an unknown opcode', frame('', { opcode: 3 }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['a continuation of nothing (§5.4)', frame('x', { opcode: continuation }), 1002, 'ERR_WEBSOCKET_FRAME'],
    [
      'a new message inside another',
      Buffer.concat([frame('<', { fin: false }), frame(message)]),
      1002,
      'ERR_WEBSOCKET_FRAME',
    ],
    ['a fragmented ping (§5.5)', frame('', { opcode: ping, fin: false }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['a ping of 126 bytes', frame('x'.repeat(126), { opcode: ping }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['a close code that may not be sent (§7.4.1)', closeFrame(1005), 1002, 'ERR_WEBSOCKET_FRAME'],
    [
      'a close reason that is no UTF-8',
      frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: opcodes.close }),
      1007,
      'ERR_XML_UTF8',
    ],
    ['a message that is no UTF-8 (§8.1)', frame(Buffer.from([0x3c, 0xc3, 0x28])), 1007, 'ERR_XML_UTF8'],
    ['a character cut off at the end', frame(Buffer.from([0x3c, 0xc3])), 1007, 'ERR_XML_UTF8'],
    [
      'a character that one fragment begins and the next does not end',
      Buffer.concat([
        frame(Buffer.from([0x3c, 0xc3]), { fin: false }),
        frame(Buffer.from([0x28]), { opcode: continuation }),
      ]),
      1007,
      'ERR_XML_UTF8',
    ],
    ['a surrogate in UTF-8', frame(Buffer.from([0x3c, 0xed, 0xa0, 0x80])), 1007, 'ERR_XML_UTF8'],
    ['an overlong form of a character', frame(Buffer.from([0x3c, 0xc0, 0xbc])), 1007, 'ERR_XML_UTF8'],
    [
      'a reserved bit in a later fragment',
      Buffer.concat([frame('<', { fin: false }), frame('x', { opcode: continuation, reserved: 4 })]),
      1002,
      'ERR_WEBSOCKET_FRAME',
    ],
    ['a reserved bit of a ping', frame('', { opcode: ping, reserved: 2 }), 1002, 'ERR_WEBSOCKET_FRAME'],
    ['a length beyond 2^53', frame('', { length: Number.MAX_SAFE_INTEGER }), 1009, 'ERR_STANZA_TOO_LARGE'],
  ])('%s', async (_, bytes, code, reason) => {
    const talk = await begin().established();
    await talk.client.sends(bytes);
    expect(await endOf(talk)).toBe(reason);
    expect(framesOf(talk).closeCode).toBe(code);
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
  });
});

describe('a message that is too large', () => {
  it('is refused by its announced length, before its bytes come', async () => {
    const talk = await begin().established();
    await talk.client.sends(frame('<', { length: defaultLimits.stanzaBytesMax + 1 }));
    expect(await endOf(talk)).toBe('ERR_STANZA_TOO_LARGE');
    expect(framesOf(talk).closeCode).toBe(1009);
  });

  it('may be as large as a stanza after authentication, and not before', async () => {
    const padded = (bytes: number): string => {
      const [head, tail] = ["<message xmlns='jabber:client'><body>", '</body></message>'] as const;
      return head + 'x'.repeat(bytes - head.length - tail.length) + tail;
    };
    const { stanzaBytesMax } = defaultLimits;
    const after = await begin().established();
    await after.client.sends(textFrame(padded(stanzaBytesMax)));
    expect(after.gatekeeper.heard.length).toBe(stanzaBytesMax);
    const before = await begin().offered();
    await before.client.sends(textFrame(padded(10_001)));
    expect(await endOf(before)).toBe('ERR_STANZA_TOO_LARGE');
    expect(conditionIn(before.client.heard)).toBe('policy-violation');
  });

  it('is not kept before authentication, in whatever pieces it comes', async () => {
    const talk = await begin().offered();
    const size = 200_000;
    await talk.client.sends(frame('', { length: size, fin: false }));
    let sent = 0;
    while (!talk.session.ended && sent < size) {
      await talk.client.sends(Buffer.alloc(1_000, 0x3c));
      sent += 1_000;
    }
    expect(await endOf(talk)).toBe('ERR_STANZA_TOO_LARGE');
    // The limit, the headers of as many frames as a message may have, and two writes.
    expect(sent).toBeLessThan(10_000 + 1_024 * 14 + 2_001);
  });

  it('in 65,536 fragments of one byte is refused after 1,024', async () => {
    const talk = await begin().established();
    const fragments = [frame('<', { fin: false })];
    for (let i = 1; i < 65_536; i += 1) fragments.push(frame('x', { opcode: continuation, fin: false }));
    await talk.client.sends(Buffer.concat(fragments));
    expect(await endOf(talk)).toBe('ERR_WEBSOCKET_FRAME');
    expect(framesOf(talk).closeCode).toBe(1008);
  });

  it('in fragments without content is refused as well', async () => {
    const talk = await begin().established();
    const empty = frame('', { opcode: continuation, fin: false });
    await talk.client.sends(Buffer.concat([frame('<', { fin: false }), ...Array<Buffer>(1_100).fill(empty)]));
    expect(await endOf(talk)).toBe('ERR_WEBSOCKET_FRAME');
  });
});

describe('a stanza cut at every byte', () => {
  it('arrives as it was, each fragment in a frame of its own', async () => {
    const talk = await begin().established();
    const bytes = Buffer.from("<message xmlns='jabber:client'><body>Grüße 👋</body></message>");
    for (let at = 1; at < bytes.length; at += 1) {
      await talk.client.sends(
        Buffer.concat([
          frame(bytes.subarray(0, at), { opcode: text, fin: false }),
          frame('', { opcode: continuation, fin: false }),
          frame(bytes.subarray(at), { opcode: continuation }),
        ]),
      );
      expect(talk.gatekeeper.news()).toBe(bytes.toString());
    }
  });

  it('and read byte by byte', async () => {
    const talk = await begin().established();
    for (const byte of textFrame(message)) await talk.client.sends(Buffer.from([byte]));
    expect(talk.gatekeeper.heard).toBe(message);
  });
});

describe('pings', () => {
  it('in a flood have one pong for each read, and end the stream when they exceed every keep-alive', async () => {
    const talk = await begin().offered();
    const flood = Buffer.concat(Array<Buffer>(1_000).fill(frame('', { opcode: ping })));
    await talk.client.sends(flood);
    expect(framesOf(talk).count('pong')).toBe(1);
    for (let i = 0; i < 40 && !talk.session.ended; i += 1) await talk.client.sends(flood);
    expect(await endOf(talk)).toBe('ERR_WEBSOCKET_PINGS');
    expect(conditionIn(talk.client.heard)).toBe('policy-violation');
  });

  it('count as stanzas of the rate of an established stream', async () => {
    const rates = {
      stanzasPerSecond: 10,
      stanzaBurst: 20,
      bytesPerSecond: 0,
      paddingBytesPerSecond: 0,
      overLimitMs: 1_000,
    };
    const talk = await begin({ rates }).established();
    await talk.client.sends(Buffer.concat(Array<Buffer>(50).fill(frame('', { opcode: ping }))));
    expect(talk.paced).toEqual(['client stanzas']);
  });

  it('of a client that reads nothing are not read either, so no pongs are queued', async () => {
    const talk = await begin().established();
    talk.client.stopsReading();
    await talk.gatekeeper.says(`<message><body>${'x'.repeat(200_000)}</body></message>`);
    for (const payload of ['one', 'two', 'three']) await talk.client.sends(frame(payload, { opcode: ping }));
    expect(talk.client.socket.isPaused()).toBe(true);
    expect(framesOf(talk).count('pong')).toBe(0);
    await talk.client.readsOn();
    await settled();
    expect(framesOf(talk).all.at(-1)).toMatchObject({ opcode: pong, payload: Buffer.from('three') });
  });

  it('between messages do not make a message too large', async () => {
    const talk = await begin().offered();
    for (let i = 0; i < 3_000; i += 1) {
      await talk.client.sends(frame('12345', { opcode: ping }));
      if (i % 1_000 === 0)
        await talk.client.says("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>");
    }
    expect(talk.session.ended).toBe(false);
  });

  it('that answer nothing are counted too', async () => {
    const talk = await begin().established();
    const flood = Buffer.concat(Array<Buffer>(4_000).fill(frame('', { opcode: pong })));
    for (let i = 0; i < 10 && !talk.session.ended; i += 1) await talk.client.sends(flood);
    expect(await endOf(talk)).toBe('ERR_WEBSOCKET_PINGS');
  });
});

describe('a client that reads nothing', () => {
  it('stops what the gatekeeper sends, and gets all of it in order when it reads on', async () => {
    const talk = await begin().established();
    talk.client.stopsReading();
    const stanza = (at: number): string =>
      `<message id='m${at}'><body>${'x'.repeat(10_000)}</body></message>`;
    for (let at = 0; at < 100; at += 1) await talk.gatekeeper.says(stanza(at));
    expect(talk.gatekeeper.socket.isPaused()).toBe(true);
    await talk.client.readsOn();
    for (let round = 0; round < 50; round += 1) await settled();
    const ids = [...talk.client.heard.matchAll(/id='m(\d+)'/g)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  it('is given up by the watch over writes', async () => {
    const talk = await begin().established();
    talk.stall.client!();
    expect(await endOf(talk)).toBe('ERR_WRITE_STALL');
  });
});

describe('a silent session', () => {
  it('ends after its time, which messages and pings of either side extend', async () => {
    const talk = await begin({ idleMs: 1_000 }).established();
    talk.clock.advance(900);
    await talk.client.sends(frame('', { opcode: ping }));
    talk.clock.advance(900);
    await talk.gatekeeper.says('<message><body>x</body></message>');
    talk.clock.advance(999);
    expect(talk.session.ended).toBe(false);
    talk.clock.advance(1);
    expect(await endOf(talk)).toBe('ERR_IDLE_TIMEOUT');
  });
});
