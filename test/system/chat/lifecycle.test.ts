/** The two connections of a session on the chat channel live and end together, over real sockets. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { streamErrors } from '../../../src/simulator/chat/stream-errors.ts';
import { attach, bearerAuth, startChatParties } from '../../support/chat-parties.ts';
import type { ChatParties, ChatPartiesOptions } from '../../support/chat-parties.ts';
import type { RawClient } from '../../support/raw-client.ts';

const juliet = 'juliet@provider.example';

let parties: ChatParties;
async function start(options?: ChatPartiesOptions): Promise<ChatParties> {
  parties = await startChatParties(options);
  return parties;
}

afterEach(() => parties[Symbol.asyncDispose]());

const offline = /<offline count='\d+'\/><\/ib>/;

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * part) - 1]!;
}

describe('the gatekeeper ends', () => {
  it('at any byte of a frame: no half stanza reaches the client, and its stream is closed', async () => {
    let cut: number | undefined;
    let frameBytes = 1;
    const { enlist, logIn, gatekeeper } = await start({
      front: (socket, server) =>
        attach(socket, server, (bytes) => {
          if (cut === undefined) {
            socket.write(bytes);
            return;
          }
          frameBytes = bytes.length;
          socket.write(bytes.subarray(0, cut), () => socket.resetAndDestroy());
        }),
    });
    const { address } = enlist(juliet);
    for (let at = 0; at <= frameBytes; at += 1) {
      cut = undefined;
      const client = await logIn(juliet);
      await client.until(offline);
      client.forget(offline);
      cut = at;
      gatekeeper.deliver(address, {
        tag: 'presence',
        attrs: { from: '1@s.whatsapp.net', type: 'unavailable' },
      });
      await client.closed;
      const whole = "<presence from='1@s.whatsapp.net' type='unavailable'/>";
      // A reset may overtake bytes that were not read yet.
      expect(client.received().replace(at === frameBytes ? whole : '', '')).toMatch(/^<stream:error>/);
      expect(client.received()).toContain('<remote-connection-failed ');
    }
    expect(frameBytes).toBeGreaterThan(20);
  });

  it.each([
    ['restart', streamErrors.restart, 'reset', 'ERR_CHANNEL_RESTART'],
    ['shutdown', streamErrors.shutdown, 'system-shutdown', 'ERR_CHANNEL_SHUTDOWN'],
    ['replaced', streamErrors.replaced, 'conflict', 'ERR_CHANNEL_CONFLICT'],
    ['removed', streamErrors.removed, 'not-authorized', 'ERR_CHANNEL_REMOVED'],
    ['rate', { tag: 'stream:error', attrs: { code: '429' } }, 'policy-violation', 'ERR_CHANNEL_RATE'],
    ['516', { tag: 'stream:error', attrs: { code: '516' } }, 'not-authorized', 'ERR_CHANNEL_REMOVED'],
    ['unknown', { tag: 'stream:error', attrs: { code: '777' } }, 'undefined-condition', 'ERR_CHANNEL_ENDED'],
  ])(
    'by stream:error %s: the client gets the condition, and nothing else',
    async (_, error, condition, code) => {
      const { enlist, logIn, gatekeeper, proxy } = await start();
      const { address } = enlist(juliet);
      const client = await logIn(juliet);
      await client.until(offline);
      client.forget(offline);
      gatekeeper.fail(address, error);
      await client.closed;
      expect(client.received()).toMatch(new RegExp(`^<stream:error><${condition} `));
      expect(client.received()).not.toContain('node');
      await expect.poll(() => proxy.closed).toEqual([code]);
    },
  );

  it('by changed bytes: a frame that does not decrypt ends the session with its code', async () => {
    let garble = false;
    const { enlist, logIn, gatekeeper, proxy } = await start({
      front: (socket, server) =>
        attach(socket, server, (bytes) => {
          const copy = Buffer.from(bytes);
          if (garble) copy[copy.length - 1]! ^= 1;
          socket.write(copy);
        }),
    });
    const { address } = enlist(juliet);
    const client = await logIn(juliet);
    await client.until(offline);
    garble = true;
    gatekeeper.deliver(address, { tag: 'presence', attrs: { from: '1@s.whatsapp.net' } });
    await client.closed;
    await expect.poll(() => proxy.closed).toEqual(['ERR_CHANNEL_AUTHENTICATION']);
    expect(client.received()).not.toContain('<presence');
  });
});

describe('the client ends', () => {
  const ways: Record<string, (client: RawClient) => void> = {
    'by a closing tag': ({ socket }) => socket.write('</stream:stream>'),
    'by a half-close': ({ socket }) => socket.end(),
    'by a reset': ({ tcp }) => tcp.resetAndDestroy(),
    'by destroying the socket': ({ socket }) => socket.destroy(),
  };

  it.each(Object.entries(ways))('%s: so does the proxy at the gatekeeper', async (_, leave) => {
    let ended = Promise.withResolvers<void>();
    const { enlist, logIn, nodes } = await start({
      front: (socket, server) => {
        attach(socket, server);
        socket.once('end', () => ended.resolve());
      },
    });
    enlist(juliet);
    const waits: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      ended = Promise.withResolvers();
      const client = await logIn(juliet);
      client.socket.write(`<presence type='unavailable' id='r${round}'/>`);
      await expect.poll(() => nodes.at(-1)?.node.attrs['id'], { interval: 1 }).toBe(`r${round}`);
      const left = performance.now();
      leave(client);
      await ended.promise;
      waits.push(performance.now() - left);
      client.socket.destroy();
      nodes.length = 0;
    }
    const p99 = percentile(waits, 0.99);
    console.log(`the gatekeeper's connection ended after ${p99.toFixed(1)} ms (p99)`);
    expect(p99).toBeLessThan(250);
  });

  it('while the gatekeeper is dialled: no connection is left', async () => {
    const sockets: Socket[] = [];
    const { enlist, connect, token } = await start({ front: (socket) => void sockets.push(socket) });
    enlist(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(await token(juliet)));
    await expect.poll(() => sockets.length).toBe(1);
    const closed = new Promise((resolve) =>
      sockets[0]!
        .on('error', () => {})
        .resume()
        .once('close', resolve),
    );
    client.socket.destroy();
    await closed;
  });
});

describe('a reader that stalls', () => {
  it('stops the gatekeeper; memory stays bounded and the other sessions go on', async () => {
    let front: Socket | undefined;
    const { enlist, logIn, gatekeeper } = await start({
      front: (socket, server) => {
        front = socket;
        attach(socket, server);
      },
    });
    const { address } = enlist(juliet);
    const other = enlist('romeo@provider.example');
    const stalled = await logIn(juliet);
    const stalledFront = front!;
    await stalled.until(offline);
    stalled.socket.pause();
    const romeo = await logIn('romeo@provider.example');
    const content = [{ tag: 'enc', attrs: {}, content: Buffer.alloc(8_000) }];
    let flooded = 0;
    const before = process.memoryUsage.rss();
    let peak = before;
    for (let round = 0; round < 100; round += 1) {
      while (!stalledFront.writableNeedDrain && flooded < 400e6) {
        flooded += 8_000;
        gatekeeper.deliver(address, { tag: 'presence', attrs: { from: '1@s.whatsapp.net' }, content });
      }
      gatekeeper.deliver(other.address, {
        tag: 'presence',
        attrs: { from: '1@s.whatsapp.net', t: String(round) },
      });
      await romeo.until(`t='${round}'`);
      peak = Math.max(peak, process.memoryUsage.rss());
      await new Promise((done) => setTimeout(done, 5));
    }
    const grown = (peak - before) / 2 ** 20;
    console.log(
      `flooded ${(flooded / 1e6).toFixed(0)} MB until it stopped, memory grew ${grown.toFixed(1)} MB`,
    );
    expect(flooded).toBeLessThan(64e6);
    expect(grown).toBeLessThan(100);
    stalled.socket.destroy();
  });

  it('at the gatekeeper stops the client, and ends after the time for it', async () => {
    const { enlist, logIn, proxy } = await start({
      gatekeeper: { faults: () => ({ stopReading: 'after-login' }) },
      proxy: { timeouts: { writeStallMs: 500 } },
    });
    enlist(juliet);
    const client = await logIn(juliet);
    const message = `<presence name='${'x'.repeat(8_000)}'/>`;
    let flooded = 0;
    const flood = (): void => {
      while (flooded < 400e6 && !client.socket.destroyed) {
        flooded += message.length;
        if (!client.socket.write(message)) return void client.socket.once('drain', flood);
      }
    };
    flood();
    await client.closed;
    await expect.poll(() => proxy.closed).toEqual(['ERR_WRITE_STALL']);
    expect(flooded).toBeLessThan(64e6);
  });
});

describe('the proxy stops', () => {
  it('and both connections end: the client with the reason', async () => {
    const { enlist, logIn, proxy, connections } = await start();
    enlist(juliet);
    const client = await logIn(juliet);
    await proxy.proxy.streams.drain(100);
    await client.closed;
    expect(client.received()).toContain('<system-shutdown ');
    await expect.poll(() => connections.at(-1)?.event).toBe('closed');
    expect(proxy.closed).toEqual(['ERR_SHUTDOWN']);
  });
});

describe('keep-alives', () => {
  it('of the client become no ping, and count as activity', async () => {
    const { enlist, logIn, nodes } = await start({ proxy: { timeouts: { idleMs: 300 } } });
    enlist(juliet);
    const client = await logIn(juliet);
    await client.until(offline);
    const before = nodes.length;
    for (let round = 0; round < 6; round += 1) {
      client.socket.write(' ');
      await new Promise((done) => setTimeout(done, 100));
    }
    expect(nodes).toHaveLength(before);
    client.socket.write("<iq id='p' type='get' to='s.whatsapp.net' n:xmlns='w:p'/>");
    await client.until(/<iq [^>]*id='p'/);
  });

  it('of the gatekeeper are answered by the client', async () => {
    const { enlist, logIn, nodes } = await start({ gatekeeper: { pingEveryMs: 50 } });
    enlist(juliet);
    const client = await logIn(juliet);
    await client.until(/<iq [^>]*id='ping-1'[^>]*n:xmlns='urn:xmpp:ping'|n:xmlns='urn:xmpp:ping'/);
    expect(nodes.filter(({ direction, node }) => direction === 'received' && node.tag === 'iq')).toEqual([]);
    client.socket.write("<iq id='ping-1' type='result' to='s.whatsapp.net'/>");
    await expect
      .poll(() => nodes.some(({ direction, node }) => direction === 'received' && node.tag === 'iq'))
      .toBe(true);
  });
});
