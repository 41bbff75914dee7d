/** A gatekeeper over WebSocket (RFC 7395), with clients over either transport. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  auth,
  closes,
  closesFrame,
  conditionIn,
  Conversation,
  message,
  opens,
  opensFrame,
  settled,
  success,
  WebSocketGatekeeper,
  type ConversationOptions,
} from '../conversation.ts';
import { frame, opcodes } from '../../support/websocket-frames.ts';

const talks: Conversation[] = [];
function begin(options: ConversationOptions = {}): Conversation {
  const talk = new Conversation({ toWebSocket: true, ...options });
  talks.push(talk);
  return talk;
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

const framesOf = ({ gatekeeper }: Conversation): WebSocketGatekeeper['frames'] =>
  (gatekeeper as WebSocketGatekeeper).frames;
const streams = "xmlns:stream='http://etherx.jabber.org/streams'";

describe('a client over TCP', () => {
  it('is answered with a stream header, and restarts with another open', async () => {
    const talk = begin();
    await settled();
    await talk.client.says(opens());
    expect(talk.gatekeeper.news()).toBe(
      "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='capulet.example' version='1.0'/>\n",
    );
    await talk.gatekeeper.says(`${opensFrame({ more: " id='s1'" })}\n<stream:features ${streams}/>`);
    expect(talk.client.news()).toBe(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' ${streams} id='s1' to='capulet.example' version='1.0'>` +
        `<stream:features ${streams}/>`,
    );
    await talk.client.says(auth);
    expect(talk.gatekeeper.news()).toBe(`${auth}\n`);
    await talk.gatekeeper.says(success);
    await talk.client.says(opens());
    expect(talk.gatekeeper.news()).toContain('<open ');
  });

  it('has its stanzas declared, and each in a masked text message', async () => {
    const talk = await begin().established();
    await talk.client.says(message('one') + message('two'));
    expect(talk.gatekeeper.news()).toBe(
      ['one', 'two']
        .map(
          (body) =>
            `<message xmlns='jabber:client' to='romeo@montague.example'><body>${body}</body></message>\n`,
        )
        .join(''),
    );
    expect(framesOf(talk).all.every(({ masked, fin, reserved }) => masked && fin && reserved === 0)).toBe(
      true,
    );
  });

  it('has its closing tag turned into close, code 1000', async () => {
    const talk = await begin().established();
    await talk.client.says(closes);
    expect(talk.gatekeeper.news()).toBe(`${closesFrame}\n`);
    expect(framesOf(talk).closeCode).toBe(1000);
    expect(talk.client.news()).toBe(closes);
  });

  it('that is lost is lost to the gatekeeper too: no close element, code 1001', async () => {
    const talk = await begin().established();
    await talk.client.hangsUp();
    await settled();
    expect(talk.gatekeeper.news()).toBe('');
    expect(framesOf(talk).closeCode).toBe(1001);
  });

  it('keeps the connection alive by pings', async () => {
    const talk = await begin().established();
    await talk.client.says(' ');
    expect(framesOf(talk).count('ping')).toBe(1);
    expect(talk.gatekeeper.heard).toBe('');
    await talk.gatekeeper.sends(frame('', { opcode: opcodes.ping, masked: false }));
    expect(talk.client.heard).toBe(' ');
    expect(framesOf(talk).count('pong')).toBe(1);
  });
});

describe('the gatekeeper', () => {
  it('may not send its client elsewhere (RFC 7395 §3.6.1)', async () => {
    const talk = await begin().established();
    const closing = closesFrame.replace('/>', " see-other-uri='wss://other.example/'/>");
    await talk.gatekeeper.says(closing);
    expect(talk.closed ?? (await talk.session.done)).toBe('ERR_GATEKEEPER_REDIRECT');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
    expect(talk.client.heard).not.toContain('other.example');
  });

  it('that masks its frames is refused', async () => {
    const talk = await begin().established();
    await talk.gatekeeper.sends(frame("<message xmlns='jabber:client'/>"));
    expect(talk.closed ?? (await talk.session.done)).toBe('ERR_WEBSOCKET_FRAME');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
  });

  it('that closes ends the session', async () => {
    const talk = await begin().established();
    await talk.gatekeeper.says(closesFrame);
    expect(talk.closed ?? (await talk.session.done)).toBe('gatekeeper-closed');
    expect(talk.client.heard).toBe(closes);
  });
});
