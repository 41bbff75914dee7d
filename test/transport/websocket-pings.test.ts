import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocketConnection } from '../../src/transport/websocket.ts';
import { WebSocketPings } from '../../src/transport/websocket-pings.ts';

/** A connection that counts its pings. */
function connection() {
  const socket = Object.assign(new EventEmitter(), {
    destroyed: false,
    destroy() {
      socket.destroyed = true;
      socket.emit('close');
    },
  });
  return { socket, bytesRead: 0, pings: 0, ping() { this.pings += 1; } }; // prettier-ignore
}
type Fake = ReturnType<typeof connection>;
const watched = (fake: Fake): WebSocketConnection => fake as unknown as WebSocketConnection;

let now = 0;
let pings: WebSocketPings;
const start = (pingMs: number): void => {
  now = 0;
  pings = new WebSocketPings({ pingMs, now: () => now });
};
afterEach(() => pings.close());

describe('pings of silent WebSockets', () => {
  it('come once, and the connection ends when nothing answers', () => {
    start(100);
    const silent = connection();
    pings.watch(watched(silent));
    for (now of [50, 99]) pings.look();
    expect(silent.pings).toBe(0);
    for (now of [100, 150, 199]) pings.look();
    expect([silent.pings, silent.socket.destroyed]).toEqual([1, false]);
    now = 200;
    pings.look();
    expect([silent.pings, silent.socket.destroyed, pings.size]).toEqual([1, true, 0]);
  });

  it('begin anew after each byte', () => {
    start(100);
    const slow = connection();
    pings.watch(watched(slow));
    for (now = 100; now <= 1_000; now += 100) {
      pings.look();
      slow.bytesRead += 1;
      pings.look();
    }
    expect(slow.socket.destroyed).toBe(false);
    expect(slow.pings).toBeLessThanOrEqual(10);
  });

  it('end with the connection', () => {
    start(100);
    const left = connection();
    pings.watch(watched(left));
    left.socket.destroy();
    expect(pings.size).toBe(0);
    now = 1_000;
    pings.look();
    expect(left.pings).toBe(0);
  });

  it('are off with 0', () => {
    start(0);
    pings.watch(watched(connection()));
    expect(pings.size).toBe(0);
  });
});
