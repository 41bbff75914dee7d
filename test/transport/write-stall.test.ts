import { connect, createSecureContext } from 'node:tls';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { secureClient } from '../../src/transport/server-tls.ts';
import { WriteStallWatch } from '../../src/transport/write-stall.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, socketPair, type Loopback } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const context = createSecureContext(authority.issue({ dns: ['a.example'] }));

let server: Loopback;
let watch: WriteStallWatch;
let now = 0;
beforeEach(async () => {
  server = await loopback();
  now = 1_000;
  watch = new WriteStallWatch({ writeStallMs: 60_000, now: () => now });
});
afterEach(async () => {
  watch.close();
  await server[Symbol.asyncDispose]();
});

async function tlsPair(): Promise<{ near: Socket; far: Socket }> {
  const near = connect({ port: server.port, ca: authority.cert, servername: 'a.example' });
  near.on('error', () => {});
  const options = { certificates: { contextFor: () => context }, handshakeTimeoutMs: 2_000 };
  return { near, far: (await secureClient(await server.next(), options)).socket };
}

const pairs = [
  ['TCP', () => socketPair(server)],
  ['TLS', tlsPair],
] as const;

/** More than the kernel's buffers take. */
const chunk = Buffer.alloc(4_000_000);

describe.each(pairs)('a write stall over %s', (_, pair) => {
  it('ends a peer that drains nothing for the whole time', async () => {
    const { far } = await pair();
    let stalled = 0;
    watch.watch(far, () => (stalled += 1));
    for (let i = 0; i < 5; i += 1) far.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 50));
    watch.look();
    now += 59_999;
    watch.look();
    expect([stalled, far.destroyed]).toEqual([0, false]);
    now += 1;
    watch.look();
    expect([stalled, far.destroyed, watch.size]).toEqual([1, true, 0]);
    now += 60_000;
    watch.look();
    expect(stalled).toBe(1);
  });

  it('keeps a peer that drains now and then', async () => {
    const { near, far } = await pair();
    let stalled = 0;
    let drained = 0;
    watch.watch(far, () => (stalled += 1));
    for (let i = 0; i < 5; i += 1) far.write(chunk, () => (drained += 1));
    for (let round = 0; round < 3; round += 1) {
      watch.look();
      now += 50_000;
      const before = drained;
      near.resume();
      await eventually(() => drained > before || far.writableLength === 0);
      near.pause();
      watch.look();
    }
    expect(stalled).toBe(0);
    near.resume();
    await eventually(() => far.writableLength === 0);
  });

  it('leaves a peer alone that has nothing to take', async () => {
    const { near, far } = await pair();
    let stalled = 0;
    near.resume();
    watch.watch(far, () => (stalled += 1));
    far.write('x');
    await eventually(() => far.writableLength === 0);
    for (let i = 0; i < 5; i += 1) {
      now += 60_000;
      watch.look();
    }
    expect(stalled).toBe(0);
  });

  it('is not looked for on a socket that is closed', async () => {
    const { far } = await pair();
    watch.watch(far, () => {});
    expect(watch.size).toBe(1);
    far.destroy();
    await eventually(() => watch.size === 0);
  });
});

describe('the timer', () => {
  afterEach(() => void vi.useRealTimers());

  it('finds a stall within a quarter more than its time', async () => {
    const { far } = await socketPair(server);
    for (let i = 0; i < 2; i += 1) far.write(chunk);
    // Until the kernel's buffers are full.
    await new Promise((resolve) => setTimeout(resolve, 50));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const quick = new WriteStallWatch({ writeStallMs: 80 });
    vi.advanceTimersByTime(10);
    let stalled = 0;
    quick.watch(far, () => (stalled += 1));
    vi.advanceTimersByTime(79);
    expect(stalled).toBe(0);
    vi.advanceTimersByTime(21);
    expect(stalled).toBe(1);
    quick.close();
  });
});
