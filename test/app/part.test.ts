import { describe, expect, it } from 'vitest';
import { assemble, Parts, type Part } from '../../src/app/part.ts';

/** A part that notes what is done to it. */
function part(name: string, done: string[], failing = false): Part {
  return {
    refresh: () => void done.push(`refresh ${name}`),
    drain: async (graceMs) => void done.push(`drain ${name} ${graceMs}`),
    close() {
      done.push(`close ${name}`);
      if (failing) throw new Error(`${name} failed`);
    },
  };
}

describe('parts', () => {
  it('are refreshed and drained, and closed in reverse order, each once', async () => {
    const done: string[] = [];
    const parts = new Parts();
    for (const name of ['certificates', 'routes', 'listeners']) parts.track(part(name, done));
    await parts.refresh();
    await parts.drain(5);
    await parts.close();
    await parts.close();
    expect(done).toEqual([
      'refresh certificates',
      'refresh routes',
      'refresh listeners',
      'drain certificates 5',
      'drain routes 5',
      'drain listeners 5',
      'close listeners',
      'close routes',
      'close certificates',
    ]);
  });

  it('are all closed when some fail to, and the first failure is reported', async () => {
    const done: string[] = [];
    const parts = new Parts();
    parts.track(part('a', done));
    parts.track(part('b', done, true));
    parts.track(part('c', done, true));
    await expect(parts.close()).rejects.toThrow('c failed');
    expect(done).toEqual(['close c', 'close b', 'close a']);
  });

  it('wait for one that closes slowly before the one that it may use', async () => {
    const done: string[] = [];
    const parts = new Parts();
    parts.track(part('store', done));
    const { promise, resolve } = Promise.withResolvers<void>();
    parts.track({ close: () => promise.then(() => void done.push('close server')) });
    const closing = parts.close();
    expect(done).toEqual([]);
    resolve();
    await closing;
    expect(done).toEqual(['close server', 'close store']);
  });
});

describe('what is assembled', () => {
  it('owns its parts', async () => {
    const done: string[] = [];
    const whole = await assemble(async (parts) => {
      parts.track(part('a', done));
      return { port: 5222 };
    });
    expect(whole.port).toBe(5222);
    await whole.refresh();
    await whole.drain(1);
    await whole.close();
    expect(done).toEqual(['refresh a', 'drain a 1', 'close a']);
  });

  it('leaves nothing open when building fails, and reports why', async () => {
    const done: string[] = [];
    const building = assemble(async (parts) => {
      parts.track(part('a', done));
      parts.track(part('b', done, true));
      throw new Error('the port is in use');
    });
    await expect(building).rejects.toThrow('the port is in use');
    expect(done).toEqual(['close b', 'close a']);
  });

  it('can be a part of something larger', async () => {
    const done: string[] = [];
    const whole = await assemble(async (outer) => {
      outer.track(part('certificates', done));
      outer.track(
        await assemble((inner) => {
          inner.track(part('listener', done));
          return {};
        }),
      );
      return {};
    });
    await whole.close();
    expect(done).toEqual(['close listener', 'close certificates']);
  });
});
