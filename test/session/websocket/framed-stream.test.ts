/** The rules of RFC 7395 one by one, for a client over WebSocket and a gatekeeper over TCP. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  auth,
  conditionIn,
  Conversation,
  features,
  message,
  opens,
  opensFrame,
  closes,
  closesFrame,
  settled,
  success,
  WebSocketPeer,
  type ConversationOptions,
} from '../conversation.ts';
import { closeFrame, frame, opcodes } from '../../support/websocket-frames.ts';

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
const said = (body: string): string =>
  `<message xmlns='jabber:client' to='romeo@montague.example'><body>${body}</body></message>`;

describe('opening and closing a stream (RFC 7395 §3.4, §3.6)', () => {
  it('begins with open and is answered with open, and the features declare their prefix', async () => {
    const talk = begin();
    await talk.client.says(opensFrame({ more: " xml:lang='en'" }));
    expect(talk.gatekeeper.news()).toBe(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
        "to='capulet.example' version='1.0' xml:lang='en'>",
    );
    await talk.gatekeeper.says(opens() + features("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"));
    expect(talk.client.news()).toBe(
      "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='capulet.example' version='1.0'/>\n" +
        "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" +
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>\n",
    );
  });

  it('restarts with open, without close (§3.7)', async () => {
    const talk = await begin().offered();
    await talk.client.says(auth);
    await talk.gatekeeper.says(success);
    expect(talk.client.news()).toBe(`${success}\n`);
    await talk.client.says(opensFrame());
    expect(talk.gatekeeper.news()).toBe(auth + opens());
    await talk.gatekeeper.says(opens() + features());
    expect(talk.client.news()).toContain("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'");
    expect(talk.phase).toBe('established');
  });

  it('answers close with close, and closes the WebSocket with code 1000', async () => {
    const talk = await begin().established();
    await talk.client.says(closesFrame);
    expect(talk.client.news()).toBe(`${closesFrame}\n`);
    expect(talk.gatekeeper.news()).toBe(closes);
    expect(framesOf(talk).closeCode).toBe(1000);
    await talk.client.sends(closeFrame(1000));
    await talk.session.done;
    expect(talk.closed).toBe('client-closed');
    expect(talk.client.ended).toBe('closed');
  });

  it('passes on no address that a client closes with (§3.6.1)', async () => {
    const talk = await begin().established();
    await talk.client.says(closesFrame.replace('/>', " see-other-uri='wss://other.example/'/>"));
    expect(talk.client.news()).toBe(`${closesFrame}\n`);
    expect(talk.gatekeeper.heard).toBe(closes);
  });

  it("closes with the gatekeeper's closing tag", async () => {
    const talk = await begin().established();
    await talk.gatekeeper.says(closes);
    expect(talk.client.news()).toBe(`${closesFrame}\n`);
    expect(framesOf(talk).closeCode).toBe(1000);
    expect(talk.closed ?? (await talk.session.done)).toBe('gatekeeper-closed');
  });

  it.each([
    ['the end of its connection', (talk: Conversation) => talk.client.hangsUp()],
    ['a close frame', (talk: Conversation) => talk.client.sends(closeFrame(1001))],
  ])('takes %s without a close element as a lost connection', async (_, leave) => {
    const talk = await begin().established();
    await leave(talk);
    expect(talk.session.ended).toBe(true);
    await talk.session.done;
    expect(talk.closed).toBe('client-closed');
    // Without a closing tag the gatekeeper keeps the stream for a resumption.
    expect(talk.gatekeeper.heard).toBe('');
  });

  it('ends the stream of a client with an error, a close element and code 1001', async () => {
    const talk = await begin().established();
    talk.session.shutDown();
    await settled();
    expect(talk.client.news()).toBe(
      "<stream:error xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" +
        "<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" +
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Connect again.</text></stream:error>\n" +
        `${closesFrame}\n`,
    );
    expect(framesOf(talk).closeCode).toBe(1001);
  });

  it('opens a stream before its error (§3.5)', async () => {
    const talk = begin();
    await talk.client.says(opensFrame({ to: 'other.example' }));
    const [opened, error, closed] = talk.client.news().split('\n');
    expect(opened).toMatch(/^<open /);
    expect(conditionIn(error!)).toBe('host-unknown');
    expect(closed).toBe(closesFrame);
  });
});

describe('frames (§3.3)', () => {
  it('pass with their declarations to the gatekeeper, and get those that they lack in the other direction', async () => {
    const talk = await begin().established();
    await talk.client.says(said('hi'));
    expect(talk.gatekeeper.news()).toBe(said('hi'));
    await talk.gatekeeper.says(`${message('one')} ${message('two')}`);
    expect(talk.client.news()).toBe(
      ['one', 'two']
        .map(
          (body) =>
            `<message xmlns='jabber:client' to='romeo@montague.example'><body>${body}</body></message>\n`,
        )
        .join(''),
    );
  });

  it.each([
    ['an empty message', '', 'bad-format'],
    ['white space before the element', ` ${said('x')}`, 'bad-format'],
    ['white space only', '\n', 'bad-format'],
    ['two elements', said('x') + said('y'), 'bad-format'],
    ['text after the element', `${said('x')}y`, 'bad-format'],
    ['an element that does not end', "<message xmlns='jabber:client'>", 'not-well-formed'],
    ['an XML declaration', `<?xml version='1.0'?>${said('x')}`, 'not-well-formed'],
    ['a comment', '<!-- x -->', 'restricted-xml'],
    ['a closing tag', '</stream:stream>', 'not-well-formed'],
    ['a closing tag without a name', '</>', 'not-well-formed'],
    ['a stream header', opens(), 'not-well-formed'],
    ['a second open', opensFrame(), 'bad-format'],
    ['an element without a namespace', '<message/>', 'invalid-namespace'],
    [
      'a child without a namespace',
      "<c:message xmlns:c='jabber:client'><body/></c:message>",
      'invalid-namespace',
    ],
    ['the prefix of stream headers, undeclared', '<stream:error/>', 'not-well-formed'],
    ['any prefix that is undeclared', "<message xmlns='jabber:client'><a:b/></message>", 'not-well-formed'],
    ['an unknown framing element', "<other xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", 'bad-format'],
    ['a close with content', "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'>x</close>", 'bad-format'],
  ])('refuses %s, and passes on nothing of it', async (_, text, condition) => {
    const talk = await begin().established();
    await talk.client.says(text);
    expect(conditionIn(talk.client.heard)).toBe(condition);
    expect(talk.gatekeeper.heard).toBe(closes);
  });

  it.each([
    ['a stanza', said('x')],
    ['an authentication', auth],
    ['an open with content', `${opensFrame().replace(/\/>$/, '>')}<a/></open>`],
    ['an open in another namespace', opensFrame().replace('xmpp-framing', 'xmpp-other')],
  ])('refuses %s before open', async (_, text) => {
    const talk = begin();
    await talk.client.says(text);
    expect(conditionIn(talk.client.heard)).toBe('bad-format');
    expect(talk.gatekeeper.heard).toBe('');
  });

  it('may end with white space, as padded ones do', async () => {
    const talk = await begin().established();
    await talk.client.says(`${said('x')}  \n`);
    expect(talk.gatekeeper.heard).toBe(said('x'));
  });

  it('are text: a binary message is refused', async () => {
    const talk = await begin().established();
    await talk.client.sends(frame(said('x'), { opcode: opcodes.binary }));
    expect(conditionIn(talk.client.heard)).toBe('bad-format');
    expect(talk.gatekeeper.heard).toBe(closes);
  });

  it('may come in fragments, with pings between them', async () => {
    const talk = await begin().established();
    const bytes = Buffer.from(said('Grüße'));
    const cut = bytes.indexOf(0xc3) + 1;
    await talk.client.sends(frame(bytes.subarray(0, cut), { fin: false }));
    await talk.client.sends(frame('', { opcode: opcodes.ping }));
    expect(talk.gatekeeper.news()).toBe(' ');
    await talk.client.sends(frame(bytes.subarray(cut), { opcode: opcodes.continuation }));
    expect(talk.gatekeeper.heard).toBe(said('Grüße'));
  });
});

describe('TLS (§3.9)', () => {
  it('is that of the WebSocket: STARTTLS is not offered, and refused', async () => {
    const talk = begin();
    await talk.client.says(opensFrame());
    const starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    await talk.gatekeeper.says(opens() + features(starttls));
    expect(talk.client.news()).toContain('<stream:features ');
    expect(talk.client.heard).not.toContain('starttls');
    await talk.client.says(starttls);
    expect(conditionIn(talk.client.heard)).toBe('unsupported-feature');
    expect(talk.gatekeeper.heard).not.toContain('starttls');
  });
});

describe('keep-alives (§3.8)', () => {
  it("are pings in place of the gatekeeper's white space", async () => {
    const talk = await begin().established();
    await talk.gatekeeper.says('\n');
    expect(talk.client.heard).toBe('');
    expect(framesOf(talk).count('ping')).toBe(1);
  });

  it('are white space to the gatekeeper in place of pings, and the ping is answered', async () => {
    const talk = await begin().established();
    await talk.client.sends(frame('abc', { opcode: opcodes.ping }));
    expect(talk.gatekeeper.heard).toBe(' ');
    expect(framesOf(talk).all.at(-1)).toMatchObject({ opcode: opcodes.pong, payload: Buffer.from('abc') });
  });

  it('do not pass before the stream is established', async () => {
    const talk = await begin().offered();
    await talk.client.sends(frame('', { opcode: opcodes.ping }));
    expect(talk.gatekeeper.heard).toBe('');
    expect(framesOf(talk).count('pong')).toBe(1);
  });
});

describe('names', () => {
  it('refuses a domain that is not the name in TLS', async () => {
    const talk = begin({ serverName: 'other.example' });
    await talk.client.says(opensFrame());
    expect(talk.closed ?? (await talk.session.done)).toBe('ERR_SNI_MISMATCH');
  });

  it('serves each domain under the name of the host', async () => {
    const talk = begin({ serverName: 'XMPP.example', sharedNames: new Set(['xmpp.example']) });
    await talk.client.says(opensFrame());
    expect(talk.gatekeeper.heard).toContain("to='capulet.example'");
  });
});
