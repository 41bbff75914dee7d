import { afterEach, describe, expect, it } from 'vitest';
import type { ChatNode } from '../../../src/simulator/chat/node.ts';
import { newServerKey } from '../../../src/simulator/chat/noise.ts';
import { openSocket } from '../support/chat-socket.ts';
import {
  hasTag,
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

const iq = (xmlns: string, type: 'get' | 'set', ...content: ChatNode[]): ChatNode => ({
  tag: 'iq',
  attrs: { id: `${xmlns} ${type}`, to: 's.whatsapp.net', type, xmlns },
  ...(content.length === 0 ? {} : { content }),
});
const node = (tag: string, attrs: ChatNode['attrs'] = {}, ...content: ChatNode[]): ChatNode => ({
  tag,
  attrs,
  ...(content.length === 0 ? {} : { content }),
});

describe('a request', () => {
  it.each(['w:p', 'urn:xmpp:ping', 'passive', 'w:stats'])('%s gets a result', async (xmlns) => {
    const { julietLogsIn } = await start();
    const app = await julietLogsIn();
    const { attrs } = await app.request(iq(xmlns, 'get'));
    expect(attrs).toEqual({ id: `${xmlns} get`, type: 'result', from: 's.whatsapp.net' });
  });

  it('of an unknown kind gets an error', async () => {
    const { julietLogsIn } = await start();
    const app = await julietLogsIn();
    for (const request of [
      iq('w:unknown', 'get'),
      iq('md', 'set'),
      iq('urn:xmpp:whatsapp:push', 'get'),
      iq('encrypt', 'get'),
    ]) {
      const answer = await app.request(request);
      expect(answer.attrs['type']).toBe('error');
      expect(answer.content).toEqual([
        { tag: 'error', attrs: { code: '501', text: 'feature-not-implemented' } },
      ]);
    }
  });

  it('for devices lists them', async () => {
    const { julietLogsIn, users, romeo } = await start();
    users.addOwn(romeoNumber, newServerKey().publicKey, 4);
    const app = await julietLogsIn();
    const list = node(
      'list',
      {},
      node('user', { jid: romeo.address }),
      node('user', { jid: '1@s.whatsapp.net' }),
    );
    const query = node('query', {}, node('devices', { version: '2' }));
    const answer = await app.request(
      iq('usync', 'get', node('usync', { sid: '1', mode: 'query' }, query, list)),
    );
    const [, users_] = (answer.content as ChatNode[])[0]!.content as ChatNode[];
    expect(users_!.content).toEqual([
      node(
        'user',
        { jid: romeo.address },
        node('contact', { type: 'in' }),
        node(
          'devices',
          {},
          node('device-list', {}, node('device', { id: '0' }), node('device', { id: '4', 'key-index': '1' })),
        ),
      ),
      node('user', { jid: '1@s.whatsapp.net' }, node('contact', { type: 'out' })),
    ]);
  });

  it('for encryption keys gets identity, signed key and one key that is used once', async () => {
    const { julietLogsIn, romeoLogsIn, romeo } = await start();
    const [juliet, app] = [await julietLogsIn(), await romeoLogsIn()];
    const bytes = (tag: string, byte: number): ChatNode => ({ tag, attrs: {}, content: Buffer.of(byte) });
    const key = (byte: number): ChatNode => node('key', {}, bytes('id', byte), bytes('value', byte));
    const lasting = [
      bytes('registration', 1),
      bytes('type', 5),
      bytes('identity', 2),
      node('skey', {}, bytes('id', 3)),
    ];
    const value = async (): Promise<unknown> =>
      ((await app.request(iq('encrypt', 'get', node('count')))).content as ChatNode[])[0]!.attrs['value'];
    expect(await value()).toBe('0');
    await app.request(iq('encrypt', 'set', ...lasting, node('list', {}, key(7), key(8))));
    expect(await value()).toBe('2');
    const ask = async (): Promise<unknown> => {
      const answer = await juliet.request(
        iq('encrypt', 'get', node('key', {}, node('user', { jid: romeo.address }))),
      );
      const [list] = answer.content as ChatNode[];
      return (list!.content as ChatNode[])[0]!.content;
    };
    expect(await ask()).toEqual([...lasting, key(7)]);
    expect(await ask()).toEqual([...lasting, key(8)]);
    expect(await ask()).toEqual(lasting);
    expect(await value()).toBe('0');
  });

  it('for the keys of a user without any says so', async () => {
    const { julietLogsIn, romeo } = await start();
    const app = await julietLogsIn();
    const answer = await app.request(
      iq('encrypt', 'get', node('key', {}, node('user', { jid: romeo.address }))),
    );
    expect(answer.content).toMatchObject([
      { content: [{ content: [{ tag: 'error', attrs: { code: '404' } }] }] },
    ]);
  });

  it('sets privacy, blocks and push', async () => {
    const { julietLogsIn, juliet } = await start();
    const app = await julietLogsIn();
    await app.request(
      iq('privacy', 'set', node('privacy', {}, node('category', { name: 'last', value: 'none' }))),
    );
    const privacy = await app.request(iq('privacy', 'get'));
    expect(privacy.content).toEqual([node('privacy', {}, node('category', { name: 'last', value: 'none' }))]);
    await app.request(iq('blocklist', 'set', node('item', { action: 'block', jid: '1@s.whatsapp.net' })));
    expect((await app.request(iq('blocklist', 'get'))).content).toEqual([
      node('list', {}, node('item', { jid: '1@s.whatsapp.net' })),
    ]);
    await app.request(
      iq('urn:xmpp:whatsapp:push', 'set', node('config', { id: 'node-1', platform: 'narthex' })),
    );
    expect(juliet.push).toEqual({ id: 'node-1', platform: 'narthex' });
  });

  it('to delete the account ends it', async () => {
    const { julietLogsIn, users } = await start();
    const app = await julietLogsIn();
    await app.request(iq('md', 'set', node('remove-companion-device', { reason: 'user_initiated' })));
    expect((await app.receive(hasTag('stream:error'))).attrs).toEqual({ code: '516' });
    expect(users.bySubject(subject)).toBeUndefined();
    expect((await julietLogsIn()).answer.attrs['reason']).toBe('415');
  });
});

describe('the gatekeeper', () => {
  it('pings, and an honest client answers', async () => {
    const { julietLogsIn, nodes } = await start({ pingEveryMs: 20 });
    await julietLogsIn();
    await expect
      .poll(
        () =>
          nodes.filter(
            ({ direction, node: { tag, attrs } }) =>
              direction === 'received' && tag === 'iq' && attrs['type'] === 'result',
          ).length,
      )
      .toBeGreaterThan(2);
  });

  it('refuses a stanza of an unknown kind by an acknowledgement', async () => {
    const { julietLogsIn } = await start();
    const app = await julietLogsIn();
    app.send(node('surprise', { id: 's1' }));
    expect((await app.receive(hasTag('ack'))).attrs).toEqual({ class: 'surprise', id: 's1', error: '488' });
  });
});

describe('presence', () => {
  it('is seen by subscribers who are available themselves, with the time of the last one', async () => {
    const { julietLogsIn, romeoLogsIn, juliet, romeo } = await start({ now: () => 1_800_000_000_000 });
    const [watching, app] = [await julietLogsIn(), await romeoLogsIn()];
    watching.send(node('presence', { type: 'subscribe', to: romeo.address }));
    app.send(node('presence', { type: 'available', name: 'Romeo M.' }));
    await app.request(iq('w:p', 'get'));
    await watching.request(iq('w:p', 'get'));
    expect(watching.received.filter(hasTag('presence'))).toEqual([]);
    watching.send(node('presence', { type: 'available' }));
    expect((await watching.receive(hasTag('presence'))).attrs).toEqual({ from: romeo.address });
    app.send(node('presence', { type: 'unavailable' }));
    expect((await watching.receive(hasTag('presence'))).attrs).toEqual({
      from: romeo.address,
      type: 'unavailable',
      last: '1800000000',
    });
    app.send(letter(juliet.address, 'm1'));
    expect((await watching.receive(hasTag('message'))).attrs['notify']).toBe('Romeo M.');
  });

  it('ends with the connection', async () => {
    const { julietLogsIn, romeoLogsIn, romeo } = await start();
    const [watching, app] = [await julietLogsIn(), await romeoLogsIn()];
    app.send(node('presence', { type: 'available' }));
    await app.request(iq('w:p', 'get'));
    watching.send(node('presence', { type: 'available' }));
    watching.send(node('presence', { type: 'subscribe', to: romeo.address }));
    expect((await watching.receive(hasTag('presence'))).attrs['type']).toBeUndefined();
    app.destroy();
    expect((await watching.receive(hasTag('presence'))).attrs['type']).toBe('unavailable');
  });

  it.each(['juliet', 'romeo'] as const)('shows no last time where %s hides it', async (hiding) => {
    const { julietLogsIn, romeoLogsIn, romeo } = await start();
    const apps = { juliet: await julietLogsIn(), romeo: await romeoLogsIn() };
    await apps[hiding].request(
      iq('privacy', 'set', node('privacy', {}, node('category', { name: 'last', value: 'none' }))),
    );
    apps.romeo.send(node('presence', { type: 'available' }));
    await apps.romeo.close();
    apps.juliet.send(node('presence', { type: 'available' }));
    apps.juliet.send(node('presence', { type: 'subscribe', to: romeo.address }));
    expect((await apps.juliet.receive(hasTag('presence'))).attrs).toMatchObject({
      type: 'unavailable',
      last: 'deny',
    });
  });
});

describe('chat states and calls', () => {
  it('reach the other; a state only one who is available, and it is owed nothing', async () => {
    const { julietLogsIn, romeoLogsIn, gatekeeper, juliet, romeo } = await start();
    const [from, app] = [await julietLogsIn(), await romeoLogsIn()];
    const composing = node('chatstate', { to: romeo.address }, node('composing'));
    from.send(composing);
    await from.request(iq('w:p', 'get'));
    app.send(node('presence', { type: 'available' }));
    await app.request(iq('w:p', 'get'));
    from.send(composing);
    expect(await app.receive(hasTag('chatstate'))).toEqual(
      node('chatstate', { from: juliet.address }, node('composing')),
    );
    expect(app.received.filter(hasTag('chatstate'))).toHaveLength(1);
    from.send(
      node(
        'call',
        { to: romeo.address, id: 'c1' },
        node('offer', { 'call-id': 'C', 'call-creator': juliet.address }),
      ),
    );
    expect((await app.receive(hasTag('call'))).attrs).toMatchObject({ id: 'c1', from: juliet.address });
    await expect.poll(() => gatekeeper.counts).toMatchObject({ accepted: 1, settled: 1, unfounded: 0 });
  });
});

/** More bytes than ServerHello has with its length (351), fewer than with `success`. */
const serverHelloBytes = 360;

describe('limits and faults', () => {
  it('a frame above the limit ends the connection as soon as it is announced', async () => {
    const { julietLogsIn, romeo } = await start({ limits: { frameBytesMax: 1_000 } });
    const app = await julietLogsIn();
    app.send(letter(romeo.address, 'small', Buffer.alloc(800)));
    expect((await app.receive(hasTag('ack'))).attrs['id']).toBe('small');
    app.send(letter(romeo.address, 'large', Buffer.alloc(1_000)));
    await app.closed;
  });

  it('a handshake above its limit, and bytes that are no intro, end the connection', async () => {
    const { port } = await start();
    for (const bytes of [Buffer.from('57410603ffffff', 'hex'), Buffer.from('GET / HTTP/1.1\r\n')]) {
      const socket = await openSocket(port);
      socket.write(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
  });

  it('a node too deep ends the connection', async () => {
    const { julietLogsIn } = await start();
    const app = await julietLogsIn();
    let deep = node('a');
    for (let depth = 0; depth < 128; depth += 1) deep = node('a', {}, deep);
    app.send(deep);
    await app.closed;
  });

  it('a connection is cut in the middle of a frame', async () => {
    const { julietLogsIn } = await start({ faults: () => ({ cutAfterBytes: 100 }) });
    await expect(julietLogsIn()).rejects.toThrow('ERR_SIMULATOR_STREAM');
  });

  it('garbage follows the handshake', async () => {
    const { julietLogsIn, nodes } = await start({ faults: () => ({ garbleAfterBytes: serverHelloBytes }) });
    await expect(julietLogsIn()).rejects.toThrow('ERR_SIMULATOR_STREAM');
    // `success` was sent, and arrived as something else.
    expect(nodes[0]).toMatchObject({ direction: 'sent', node: { tag: 'success' } });
  });

  it('a login has no answer, everything is late, or comes in single bytes', async () => {
    const faults = [{ silentLogin: true }, { delayMs: 100 }, { singleBytes: true }];
    const { julietLogsIn } = await start({ faults: (id) => faults[id - 1]! });
    await expect(julietLogsIn({ timeoutMs: 100 })).rejects.toThrow('ERR_SIMULATOR_TIMEOUT');
    const begun = performance.now();
    expect((await julietLogsIn()).answer.tag).toBe('success');
    expect(performance.now() - begun).toBeGreaterThan(190);
    expect((await julietLogsIn()).answer.tag).toBe('success');
  });

  it('a flood follows the login, and the server reads no more', async () => {
    const faults = [
      { floodBytes: 100_000 },
      { stopReading: 'after-login' as const },
      { stopReading: 'at-once' as const },
    ];
    const { julietLogsIn, nodes } = await start({ faults: (id) => faults[id - 1]! });
    const flooded = await julietLogsIn();
    await flooded.closed;
    const stalled = await julietLogsIn();
    stalled.send(iq('w:p', 'get'));
    await expect(stalled.receive(hasTag('iq'), 100)).rejects.toThrow('ERR_SIMULATOR_TIMEOUT');
    expect(nodes.filter(({ direction }) => direction === 'received')).toEqual([]);
    await expect(julietLogsIn({ timeoutMs: 100 })).rejects.toThrow('ERR_SIMULATOR_TIMEOUT');
  });

  it('a client that does not read is cut off', async () => {
    const { gatekeeper, romeoLogsIn, romeo, connections } = await start({
      limits: { queuedBytesMax: 100_000, mailboxStanzasMax: 100_000 },
    });
    await romeoLogsIn();
    // The app shares this thread, so it reads nothing meanwhile.
    const content = [{ tag: 'enc', attrs: {}, content: Buffer.alloc(60_000) }];
    for (let id = 0; id < 200; id += 1)
      gatekeeper.deliver(romeo.address, {
        tag: 'notification',
        attrs: { id: String(id), from: 's.whatsapp.net' },
        content,
      });
    await expect.poll(() => connections.at(-1)?.event).toBe('closed');
  });
});
