import { afterEach, describe, expect, it } from 'vitest';
import { ackFor, mannersOf, receiptFor } from '../../../src/simulator/chat/manners.ts';
import type { ChatNode } from '../../../src/simulator/chat/node.ts';
import { newServerKey } from '../../../src/simulator/chat/noise.ts';
import { streamErrors } from '../../../src/simulator/chat/stream-errors.ts';
import {
  hasTag,
  letter,
  romeoNumber,
  startChatGatekeeper,
  type RunningChatGatekeeper,
} from '../support/chat-gatekeeper.ts';

let running: RunningChatGatekeeper;
const start = async (...options: Parameters<typeof startChatGatekeeper>): Promise<RunningChatGatekeeper> =>
  (running = await startChatGatekeeper(...options));

afterEach(() => running.close());

const silent = mannersOf({ message: 'none', others: false });
const notification = (id: string): ChatNode => ({
  tag: 'notification',
  attrs: { id, from: 's.whatsapp.net', type: 'encrypt', t: '1' },
  content: [{ tag: 'identity', attrs: {} }],
});
const ids = (nodes: readonly ChatNode[]): string[] => nodes.map(({ attrs }) => attrs['id'] ?? '');

describe('a message', () => {
  it('reaches the other, and both sides get what they are owed', async () => {
    const { julietLogsIn, romeoLogsIn, gatekeeper, juliet, romeo } = await start();
    const [from, to] = [await julietLogsIn(), await romeoLogsIn()];
    from.send(letter(romeo.address, 'm1'));
    expect(await from.receive(hasTag('ack', 'm1'))).toEqual({
      tag: 'ack',
      attrs: {
        class: 'message',
        id: 'm1',
        from: romeo.address,
        t: expect.any(String) as string,
        type: 'text',
      },
    });
    expect(await to.receive(hasTag('message', 'm1'))).toEqual({
      tag: 'message',
      attrs: {
        id: 'm1',
        type: 'text',
        from: juliet.address,
        notify: juliet.number,
        t: expect.any(String) as string,
      },
      content: letter('', '').content,
    });
    // Romeo's app settles it by its receipt, which Juliet's acknowledges.
    expect((await from.receive(hasTag('receipt', 'm1'))).attrs).toMatchObject({ from: romeo.address });
    await expect
      .poll(() => gatekeeper.counts)
      .toEqual({
        accepted: 2,
        sent: 2,
        sentAgain: 0,
        settled: 2,
        settledAgain: 0,
        unfounded: 0,
        refused: 0,
      });
    to.send(letter(juliet.address, 'm2'));
    expect((await from.receive(hasTag('message', 'm2'))).attrs['notify']).toBe('Romeo');
  });

  it.each(['receipt', 'ack', 'both'] as const)('is settled by %s', async (message) => {
    const { julietLogsIn, romeoLogsIn, gatekeeper, romeo } = await start();
    const from = await julietLogsIn();
    await romeoLogsIn({ manners: mannersOf({ message }) });
    from.send(letter(romeo.address, 'm1'));
    await expect.poll(() => gatekeeper.counts.settled).toBe(message === 'ack' ? 1 : 2);
    await expect.poll(() => gatekeeper.counts.settledAgain).toBe(message === 'both' ? 1 : 0);
    expect(gatekeeper.owed(romeo.address)).toEqual([]);
  });

  it('is not settled by a retry receipt, which goes to the very device', async () => {
    const { julietLogsIn, romeoLogsIn, gatekeeper, romeo } = await start();
    const [from, to] = [await julietLogsIn(), await romeoLogsIn({ manners: silent })];
    from.send(letter(romeo.address, 'm1'));
    const message = await to.receive(hasTag('message'));
    to.send(receiptFor(message, 'retry'));
    expect((await from.receive(hasTag('receipt'))).attrs['type']).toBe('retry');
    expect(ids(gatekeeper.owed(romeo.address))).toEqual(['m1']);
    // The same message, encrypted again, takes the place of the first.
    from.send(letter(romeo.address, 'm1', Buffer.of(7)));
    const again = await to.receive(hasTag('message'));
    to.send(ackFor(again));
    await expect.poll(() => gatekeeper.owed(romeo.address)).toEqual([]);
  });

  it('to an unknown address is refused by its acknowledgement', async () => {
    const { julietLogsIn } = await start();
    const from = await julietLogsIn();
    from.send(letter('1@s.whatsapp.net', 'm1'));
    expect((await from.receive(hasTag('ack'))).attrs).toMatchObject({
      class: 'message',
      id: 'm1',
      error: '404',
    });
  });

  it('reaches each device with its own part, and the devices of the sender too', async () => {
    const { julietLogsIn, romeoLogsIn, users, romeo, juliet } = await start();
    const tablet = newServerKey();
    users.addOwn(romeoNumber, tablet.publicKey, 2);
    const [phone, other] = [await romeoLogsIn(), await romeoLogsIn({ device: 2, staticKey: tablet })];
    const receiver = await julietLogsIn();
    const part = (jid: string, byte: number): ChatNode => ({
      tag: 'to',
      attrs: { jid },
      content: [{ tag: 'enc', attrs: { v: '2', type: 'pkmsg' }, content: Buffer.of(byte) }],
    });
    const tabletAddress = romeo.address.replace('@', ':2@');
    phone.send({
      tag: 'message',
      attrs: { id: 'm1', to: juliet.address, type: 'text', phash: '2:abc' },
      content: [
        { tag: 'participants', attrs: {}, content: [part(juliet.address, 1), part(tabletAddress, 2)] },
      ],
    });
    const bytes = ({ content }: ChatNode): unknown =>
      (content as ChatNode[]).map((one) => [...(one.content as Uint8Array)]);
    const atJuliet = await receiver.receive(hasTag('message'));
    expect([bytes(atJuliet), atJuliet.attrs['recipient'], atJuliet.attrs['phash']]).toEqual([
      [[1]],
      undefined,
      undefined,
    ]);
    const atTablet = await other.receive(hasTag('message'));
    expect([bytes(atTablet), atTablet.attrs]).toEqual([
      [[2]],
      expect.objectContaining({ recipient: juliet.address }),
    ]);
  });

  it('to a group names group and sender, and its receipts go back', async () => {
    const { julietLogsIn, romeoLogsIn, users, juliet, romeo, gatekeeper } = await start();
    const group = users.addGroup(juliet, romeo);
    const [from, to] = [await julietLogsIn(), await romeoLogsIn()];
    from.send(letter(group, 'm1'));
    expect((await to.receive(hasTag('message'))).attrs).toMatchObject({
      from: group,
      participant: juliet.address,
    });
    expect((await from.receive(hasTag('receipt'))).attrs).toMatchObject({
      from: group,
      participant: romeo.address,
    });
    await expect.poll(() => gatekeeper.counts.settled).toBe(2);
    expect(gatekeeper.counts.unfounded).toBe(0);
  });

  it('of a blocked user is acknowledged, and arrives nowhere', async () => {
    const { julietLogsIn, romeoLogsIn, juliet, romeo, gatekeeper } = await start();
    const [from, to] = [await julietLogsIn(), await romeoLogsIn()];
    const content = [{ tag: 'item', attrs: { action: 'block', jid: juliet.address } }];
    await to.request({ tag: 'iq', attrs: { id: 'b', type: 'set', xmlns: 'blocklist' }, content });
    from.send(letter(romeo.address, 'm1'));
    expect((await from.receive(hasTag('ack'))).attrs['error']).toBeUndefined();
    expect(gatekeeper.counts.accepted).toBe(0);
  });
});

describe('what is not acknowledged', () => {
  it('is owed, and is sent again at each login until it is', async () => {
    const { romeoLogsIn, gatekeeper, romeo, julietLogsIn } = await start();
    const first = await romeoLogsIn({ manners: silent });
    const from = await julietLogsIn();
    from.send(letter(romeo.address, 'm1'));
    gatekeeper.deliver(romeo.address, notification('n1'));
    gatekeeper.deliver(romeo.address, { tag: 'call', attrs: { id: 'c1', from: 's.whatsapp.net' } });
    await first.receive(hasTag('call'));
    expect(ids(gatekeeper.owed(romeo.address)).toSorted()).toEqual(['c1', 'm1', 'n1']);
    await first.close();

    const second = await romeoLogsIn({ manners: mannersOf({ message: 'receipt', others: false }) });
    const preview = await second.receive(hasTag('ib'));
    expect(preview.content).toEqual([
      {
        tag: 'offline_preview',
        attrs: { count: '3', message: '1', receipt: '0', notification: '1', call: '1' },
      },
    ]);
    await second.receive(({ tag, content }) => tag === 'ib' && (content as ChatNode[])[0]!.tag === 'offline');
    await expect.poll(() => ids(gatekeeper.owed(romeo.address)).toSorted()).toEqual(['c1', 'n1']);
    await second.close();

    const third = await romeoLogsIn();
    await third.receive(hasTag('call'));
    await expect.poll(() => gatekeeper.owed(romeo.address)).toEqual([]);
    expect(third.received.map(({ tag }) => tag)).not.toContain('message');
    expect(gatekeeper.counts).toMatchObject({ sentAgain: 5, unfounded: 0 });
    await third.close();

    const fourth = await romeoLogsIn();
    expect((await fourth.receive(hasTag('ib'))).content).toEqual([{ tag: 'offline', attrs: { count: '0' } }]);
  });

  it('waits for a device that is away, and is recorded', async () => {
    const { romeoLogsIn, julietLogsIn, stored, romeo, juliet } = await start();
    const from = await julietLogsIn();
    from.send(letter(romeo.address, 'm1'));
    from.send(letter(romeo.address, 'm2'));
    await expect.poll(() => stored.map(({ count }) => count)).toEqual([1, 2]);
    expect(stored[0]).toMatchObject({ sender: juliet.address, recipient: romeo });
    const to = await romeoLogsIn();
    await to.receive(hasTag('message', 'm2'));
    expect(to.received.map(({ tag }) => tag)).toEqual(['success', 'ib', 'message', 'message', 'ib']);
  });

  it('has a limit for each device', async () => {
    const { gatekeeper, romeo } = await start({ limits: { mailboxStanzasMax: 2 } });
    for (const id of ['1', '2', '3']) gatekeeper.deliver(romeo.address, notification(id));
    expect([ids(gatekeeper.owed(romeo.address)), gatekeeper.counts.refused]).toEqual([['1', '2'], 1]);
  });

  it('ends the connection after a time limit, by an error that names it', async () => {
    const { romeoLogsIn, gatekeeper, romeo } = await start({ ackTimeoutMs: 60 });
    const app = await romeoLogsIn({ manners: silent });
    gatekeeper.deliver(romeo.address, notification('n1'));
    expect(await app.receive(hasTag('stream:error'))).toEqual({
      tag: 'stream:error',
      attrs: {},
      content: [
        { tag: 'ack', attrs: { class: 'notification', id: 'n1', from: 's.whatsapp.net', type: 'encrypt' } },
      ],
    });
    await app.closed;
  });

  it('is not what was acknowledged in time', async () => {
    const { romeoLogsIn, gatekeeper, romeo } = await start({ ackTimeoutMs: 60 });
    const app = await romeoLogsIn();
    gatekeeper.deliver(romeo.address, notification('n1'));
    await expect(app.receive(hasTag('stream:error'), 300)).rejects.toThrow('ERR_SIMULATOR_TIMEOUT');
  });

  it('stays owed after an acknowledgement of something else', async () => {
    const { romeoLogsIn, gatekeeper, romeo } = await start();
    const app = await romeoLogsIn({ manners: silent });
    gatekeeper.deliver(romeo.address, notification('n1'));
    const node = await app.receive(hasTag('notification'));
    app.send(ackFor({ ...node, tag: 'receipt' }));
    app.send(ackFor({ ...node, attrs: { ...node.attrs, id: 'n2' } }));
    app.send(ackFor({ ...node, attrs: { ...node.attrs, from: romeo.address } }));
    await expect.poll(() => gatekeeper.counts.unfounded).toBe(3);
    expect(ids(gatekeeper.owed(romeo.address))).toEqual(['n1']);
  });

  it('is an acknowledgement without the participant of its message', async () => {
    const { romeoLogsIn, julietLogsIn, users, juliet, romeo } = await start();
    const group = users.addGroup(juliet, romeo);
    const [from, app] = [await julietLogsIn(), await romeoLogsIn({ manners: silent })];
    from.send(letter(group, 'm1'));
    const { attrs } = ackFor(await app.receive(hasTag('message')));
    const { participant: _, ...rest } = attrs;
    app.send({ tag: 'ack', attrs: rest });
    expect((await app.receive(hasTag('stream:error'))).content).toMatchObject([
      { tag: 'ack', attrs: { id: 'm1' } },
    ]);
  });
});

describe('receipts', () => {
  it('settle every message that they list, and are delivered like messages', async () => {
    const { romeoLogsIn, julietLogsIn, gatekeeper, juliet, romeo } = await start();
    const [from, app] = [await julietLogsIn(), await romeoLogsIn({ manners: silent })];
    for (const id of ['m1', 'm2', 'm3']) from.send(letter(romeo.address, id));
    await app.receive(hasTag('message', 'm3'));
    const content = [
      { tag: 'list', attrs: {}, content: ['m2', 'm3'].map((id) => ({ tag: 'item', attrs: { id } })) },
    ];
    app.send({ tag: 'receipt', attrs: { id: 'm1', to: juliet.address, type: 'read' }, content });
    const receipt = await from.receive(hasTag('receipt'));
    expect([receipt.attrs, receipt.content]).toEqual([
      { id: 'm1', type: 'read', from: romeo.address, t: expect.any(String) as string },
      content,
    ]);
    await expect
      .poll(() => [...gatekeeper.owed(romeo.address), ...gatekeeper.owed(juliet.address)])
      .toEqual([]);
  });

  it('about the own devices reach those, and no other user', async () => {
    const { romeoLogsIn, julietLogsIn, users, gatekeeper, juliet, romeo } = await start();
    const tablet = newServerKey();
    users.addOwn(romeoNumber, tablet.publicKey, 2);
    const from = await julietLogsIn();
    const phone = await romeoLogsIn({ manners: mannersOf({ message: 'receipt', receiptType: 'read-self' }) });
    const other = await romeoLogsIn({ device: 2, staticKey: tablet, manners: mannersOf({ message: 'ack' }) });
    from.send(letter(romeo.address, 'm1'));
    expect((await other.receive(hasTag('receipt'))).attrs['type']).toBe('read-self');
    await phone.receive(hasTag('message'));
    await expect.poll(() => gatekeeper.counts.settled).toBe(3);
    expect(gatekeeper.owed(juliet.address)).toEqual([]);
    expect(from.received.map(({ tag }) => tag)).not.toContain('receipt');
  });
});

describe('the end of a stream', () => {
  it('by the gatekeeper is an error, xmlstreamend, and the end of the connection', async () => {
    const { romeoLogsIn, gatekeeper, romeo } = await start();
    const app = await romeoLogsIn();
    expect(gatekeeper.fail(romeo.address, streamErrors.restart)).toBe(true);
    await app.closed;
    expect(app.received.slice(-2)).toEqual([
      { tag: 'stream:error', attrs: { code: '515' } },
      { tag: 'xmlstreamend', attrs: {} },
    ]);
    expect(gatekeeper.fail(romeo.address, streamErrors.restart)).toBe(false);
  });

  it('when the server closes is the error 503', async () => {
    const { romeoLogsIn, gatekeeper } = await start();
    const app = await romeoLogsIn();
    await Promise.all([gatekeeper.close(), app.closed]);
    expect(app.received.at(-2)).toEqual({ tag: 'stream:error', attrs: { code: '503' } });
  });
});
