import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Channel,
  NoAnswer,
  remote,
  type Answers,
  type Connection,
} from '../../../src/app/workers/channel.ts';
import type { Message, Notice } from '../../../src/app/workers/messages.ts';
import { SharedRecords } from '../../../src/app/workers/shared-records.ts';
import { StateUnavailable } from '../../../src/state/store.ts';

/** One end of a pair in one process. What is sent is copied, as between processes. */
class End extends EventEmitter implements Connection {
  connected = true;
  other: End | undefined;

  send(message: Message, done: (error: Error | null) => void): void {
    const copy = structuredClone(message);
    setImmediate(() => this.other?.emit('message', copy));
    done(null);
  }

  cut(): void {
    for (const end of [this, this.other!]) {
      end.connected = false;
      end.emit('disconnect');
    }
  }
}

function pair(answers: Answers = {}): { near: Channel; end: End; notices: Notice[]; ended: () => number } {
  const [one, other] = [new End(), new End()];
  one.other = other;
  other.other = one;
  const notices: Notice[] = [];
  let ends = 0;
  const near = new Channel(one, { answers: {}, onNotice: () => {}, onEnd: () => (ends += 1) });
  farEnd(other, answers, notices);
  return { near, end: one, notices, ended: () => ends };
}

function farEnd(end: End, answers: Answers, notices: Notice[]): Channel {
  return new Channel(end, { answers, onNotice: (notice) => notices.push(notice), onEnd: () => {} });
}

interface Questions {
  readonly double: (number: number) => number;
  readonly fail: () => void;
  readonly silence: () => Promise<void>;
}
const answers: Answers = {
  double: (number: number) => 2 * number,
  fail: () => {
    throw new Error('with a secret in its text');
  },
  silence: () => new Promise(() => {}),
};

afterEach(() => void vi.useRealTimers());

describe('a channel', () => {
  it('carries questions with their own answers', async () => {
    const far = remote<Questions>(pair(answers).near);
    expect(await Promise.all([1, 2, 3].map((number) => far.double(number)))).toEqual([2, 4, 6]);
  });

  it('does not reveal why the other end failed', async () => {
    const far = remote<Questions>(pair(answers).near);
    const failure = await far.fail().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAnswer);
    expect(String(failure)).not.toContain('secret');
  });

  it('does not wait for an answer for ever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const silence = remote<Questions>(pair(answers).near).silence();
    vi.advanceTimersByTime(5_000);
    await expect(silence).rejects.toBeInstanceOf(NoAnswer);
  });

  it('answers nothing once the other end is gone, and says so once', async () => {
    const { near, end, ended } = pair(answers);
    const silence = remote<Questions>(near).silence();
    end.cut();
    await expect(silence).rejects.toBeInstanceOf(NoAnswer);
    await expect(remote<Questions>(near).double(1)).rejects.toBeInstanceOf(NoAnswer);
    expect(ended()).toBe(1);
  });

  it('carries notices', async () => {
    const { near, notices } = pair();
    near.notify({ kind: 'stop' });
    await vi.waitFor(() => expect(notices).toEqual([{ kind: 'stop' }]));
  });
});

describe('records of a worker', () => {
  it('are kept at the other end, bytes as bytes', async () => {
    const kept = new Map<string, Uint8Array>();
    const { near } = pair({
      get: (kind: string, name: string) => Promise.resolve(kept.get(`${kind} ${name}`)),
      set: (kind: string, name: string, value: Uint8Array) => void kept.set(`${kind} ${name}`, value),
    });
    const store = new SharedRecords(remote(near));
    await store.set('nonce', 'n', Uint8Array.of(1, 2), 1_000);
    expect(await store.get('nonce', 'n')).toEqual(Uint8Array.of(1, 2));
    expect(await store.get('push', 'n')).toBeUndefined();
  });

  it('are unavailable without the supervisor', async () => {
    const { near, end } = pair();
    const store = new SharedRecords(remote(near));
    end.cut();
    await expect(store.claim('nonce', 'n', new Uint8Array(), 1_000)).rejects.toBeInstanceOf(StateUnavailable);
  });

  it('are bounded before they are sent', async () => {
    const store = new SharedRecords(remote(pair().near));
    await expect(store.set('nonce', 'n', new Uint8Array(65), 1_000)).rejects.toBeInstanceOf(RangeError);
  });
});
