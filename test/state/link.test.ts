/** The connection to the server of a shared store: bounds, loss and recovery. */
import { describe, expect, it } from 'vitest';
import { failuresInRowMax, RefusedByServer } from '../../src/state/link.ts';
import { StateUnavailable } from '../../src/state/store.ts';
import { settled } from '../session/conversation.ts';
import { linked, type Linked } from './server.ts';

const get = ({ link }: Linked): Promise<unknown> => link.run('get', (server) => server.get('k'));

/** The outcome of an operation that is given up when `milliseconds` have passed. */
async function after(milliseconds: number, each: Linked, operation: Promise<unknown>): Promise<string> {
  const outcome = operation.then(
    () => 'ok',
    (error: unknown) => (error instanceof StateUnavailable ? 'unavailable' : String(error)),
  );
  await settled();
  each.clock.advance(milliseconds);
  return outcome;
}

async function pass({ clock }: Linked, milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 50) {
    clock.advance(Math.min(50, left));
    await settled();
  }
}

describe('an operation', () => {
  it('is sent on the connection, and reported with its outcome', async () => {
    const each = linked();
    await each.link.start();
    expect(await get(each)).toBeNull();
    expect(each.reports).toMatchObject({ outcomes: ['get ok'], states: ['up'] });
    each.link.close();
  });

  it('fails at its timeout', async () => {
    const each = linked();
    await each.link.start();
    each.server.mode = 'hangs';
    expect(await after(250, each, get(each))).toBe('unavailable');
    expect(each.reports.outcomes).toEqual(['get timeout']);
    each.link.close();
  });

  it('fails when the server answers with an error', async () => {
    const each = linked();
    await each.link.start();
    each.server.mode = 'fails';
    expect(await after(0, each, get(each))).toBe('unavailable');
    expect(each.reports.outcomes).toEqual(['get failed']);
    each.link.close();
  });

  it('fails at once, unsent, when as many wait as may: those that were given up count until the server answers', async () => {
    const each = linked({ operationsMax: 3 });
    await each.link.start();
    each.server.mode = 'hangs';
    const sent = [get(each), get(each), get(each)].map((operation) => after(0, each, operation));
    await settled();
    expect(each.link.waiting).toBe(3);
    expect(await after(0, each, get(each))).toBe('unavailable');
    each.clock.advance(250);
    expect(await Promise.all(sent)).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(await after(0, each, get(each))).toBe('unavailable');
    expect(each.reports.outcomes).toEqual([
      'get busy',
      'get timeout',
      'get timeout',
      'get timeout',
      'get busy',
    ]);
    expect(each.server.commands.filter((command) => command === 'get')).toHaveLength(3);
    each.link.close();
  });

  it('fails at once while there is no connection', async () => {
    const each = linked();
    expect(await after(0, each, get(each))).toBe('unavailable');
    expect(each.reports.outcomes).toEqual(['get lost']);
  });
});

describe('a server that does not answer', () => {
  it('is given up after a few operations in a row; later ones fail at once, and none is sent', async () => {
    const each = linked();
    await each.link.start();
    each.server.mode = 'hangs';
    for (let index = 0; index < failuresInRowMax; index += 1) await after(250, each, get(each));
    expect(each.reports.states).toEqual(['up', 'failing']);
    const before = each.server.commands.length;
    for (let index = 0; index < 100; index += 1) expect(await after(0, each, get(each))).toBe('unavailable');
    expect(each.server.commands.length).toBe(before);
    each.link.close();
  });

  it('is not given up when some operations in between succeed', async () => {
    const each = linked();
    await each.link.start();
    for (let index = 0; index < 3 * failuresInRowMax; index += 1) {
      each.server.mode = index % failuresInRowMax === 0 ? 'answers' : 'fails';
      await after(0, each, get(each));
    }
    expect(each.reports.states).toEqual(['up']);
    each.link.close();
  });

  it('is used again only after it has answered once', async () => {
    const each = linked();
    await each.link.start();
    each.server.mode = 'hangs';
    for (let index = 0; index < failuresInRowMax; index += 1) await after(250, each, get(each));
    await pass(each, 20_000);
    expect(each.server.connections).toBeGreaterThan(2);
    expect(each.reports.states).toEqual(['up', 'failing']);
    each.server.mode = 'answers';
    await pass(each, 6_000);
    expect(each.reports.states).toEqual(['up', 'failing', 'up']);
    expect(await after(0, each, get(each))).toBe('ok');
    each.link.close();
  });
});

describe('a connection', () => {
  it('that ends is made anew, with pauses that double up to five seconds, without a restart', async () => {
    const each = linked();
    await each.link.start();
    const attempts: number[] = [];
    each.server.takes = () => {
      attempts.push(each.clock.now);
      return Promise.reject(new Error('ECONNREFUSED'));
    };
    each.server.cut();
    await pass(each, 60_000);
    const pauses = attempts.map((at, index) => at - (attempts[index - 1] ?? 0));
    expect(pauses.slice(0, 6).every((pause, index) => pause >= 75 * 2 ** index)).toBe(true);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000);
    expect(attempts.length).toBeGreaterThan(10);
    expect(attempts.length).toBeLessThan(30);
    expect(each.reports.states).toEqual(['up', 'closed']);
    each.server.takes = async () => {};
    await pass(each, 5_000);
    expect(each.reports.states).toEqual(['up', 'closed', 'up']);
    expect(await get(each)).toBeNull();
    each.link.close();
  });

  it('that cannot be made at the start does not keep the process from starting', async () => {
    const each = linked();
    each.server.takes = () => Promise.reject(new Error('ECONNREFUSED'));
    await each.link.start();
    expect(each.reports.states).toEqual(['unreachable']);
    each.server.takes = async () => {};
    await pass(each, 1_000);
    expect(each.reports.states).toEqual(['unreachable', 'up']);
    each.link.close();
  });

  it('that takes too long is given up', async () => {
    const each = linked();
    each.server.takes = (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const started = each.link.start();
    await settled();
    each.clock.advance(1_999);
    await settled();
    expect(each.reports.states).toEqual([]);
    each.clock.advance(1);
    await started;
    expect(each.reports.states).toEqual(['unreachable']);
    each.link.close();
  });

  it('whose user or password is refused is reported as that', async () => {
    const each = linked();
    each.server.takes = () => Promise.reject(new RefusedByServer());
    await each.link.start();
    expect(each.reports.states).toEqual(['refused']);
    each.link.close();
  });

  it('is made no more after the end', async () => {
    const each = linked();
    await each.link.start();
    each.link.close();
    each.server.cut();
    await pass(each, 20_000);
    expect(each.server.connections).toBe(1);
    expect(each.clock.pending).toBe(0);
    expect(await after(0, each, get(each))).toBe('unavailable');
  });
});
