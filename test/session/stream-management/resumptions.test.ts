/** Streams of many accounts together are bounded, by number and by memory. */
import { expect, it } from 'vitest';
import { AckWindow } from '../../../src/session/stream-management/ack-window.ts';
import type { ManagedStream } from '../../../src/session/stream-management/managed-stream.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';

function stream(account: string): ManagedStream {
  return {
    id: 'session',
    startedAt: 1,
    account,
    resource: 'r',
    alias: { shownResource: undefined },
    toGatekeeper: new AckWindow(),
    toClient: new AckWindow(),
  };
}

it('one account after the other fills no more than the bytes for all', () => {
  const resumptionBytesMax = 1_000_000;
  const resumptions = new Resumptions({ resumptionBytesMax });
  for (let index = 0; index < 2_000; index += 1) {
    const id = String(index).padEnd(4_000, 'x');
    resumptions.remember('main', id, stream(`user${index}@chat.example`));
    expect(resumptions.size.bytes).toBeLessThanOrEqual(resumptionBytesMax);
  }
  // About nine kilobytes each, so the oldest are gone and the newest is there.
  expect(resumptions.size.streams).toBeGreaterThan(50);
  expect(resumptions.size.streams).toBeLessThan(200);
  expect(resumptions.find('main', '0'.padEnd(4_000, 'x'))).toBeUndefined();
  expect(resumptions.find('main', '1999'.padEnd(4_000, 'x'))).toBeDefined();
});

it('counts the unacknowledged stanzas of ended streams', () => {
  const resumptions = new Resumptions();
  const held = stream('juliet@chat.example');
  resumptions.remember('main', 'a', held);
  const before = resumptions.size.bytes;
  for (let index = 0; index < 1_000; index += 1) {
    held.toGatekeeper.pass();
    held.toGatekeeper.drop();
  }
  void resumptions.release('main', 'a', held);
  expect(resumptions.size.bytes - before).toBe(56 * held.toGatekeeper.runs);
  expect(held.toGatekeeper.runs).toBe(2_000);
  resumptions.forget('main', 'a');
  expect(resumptions.size).toEqual({ streams: 0, bytes: 0 });
});
