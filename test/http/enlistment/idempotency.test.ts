import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConcurrencyLimiter } from '../../../src/http/concurrency-limiter.ts';
import { HttpProblem } from '../../../src/http/problem.ts';
import { IdempotentAnswers, type KeptAnswer } from '../../../src/http/enlistment/idempotency.ts';
import { StateUnavailable, type StateStore } from '../../../src/state/store.ts';
import { memoryState } from '../../support/state.ts';

const limits = { enlistmentTimeoutMs: 1_000, idempotencyWindowMs: 1_000 };
const limiter = new ConcurrencyLimiter(8, 0, () => new HttpProblem('ERR_ENLISTMENT_BUSY'));
const answer: KeptAnswer = { status: 201, body: {} };

describe('kept answers', () => {
  it('are repeated to the holder of the key, within the window', async () => {
    let now = 1_000;
    let done = 0;
    const answers = new IdempotentAnswers(
      limits,
      memoryState({}, () => now),
      limiter,
    );
    const work = async (): Promise<KeptAnswer> => ({ ...answer, body: { done: (done += 1) } });
    expect(await answers.run('secret', 'a', work)).toEqual({ status: 201, body: { done: 1 } });
    now += 999;
    expect(await answers.run('secret', 'a', work)).toEqual({ status: 201, body: { done: 1 } });
    now += 2;
    expect(await answers.run('secret', 'a', work)).toEqual({ status: 201, body: { done: 2 } });
  });

  it('are no copy: neither the answer, the key nor the request is on the heap', async () => {
    const script = new URL('../support/kept-answers-heap.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      script,
    ]);
    expect(JSON.parse(stdout)).toEqual({ held: ['control'], same: true, copies: 1 });
  });

  it('are bounded in number', async () => {
    const answers = new IdempotentAnswers(limits, memoryState({ answer: 2 }), limiter);
    let done = 0;
    const work = async (): Promise<KeptAnswer> => ({ ...answer, body: { done: (done += 1) } });
    for (const secret of ['a', 'b', 'c', 'a']) await answers.run(secret, '', work);
    expect(done).toBe(4);
  });

  it('are those of all replicas: one does the work, and says to the others that it does', async () => {
    const state = memoryState();
    const [one, other] = [1, 2].map(() => new IdempotentAnswers(limits, state, limiter)) as [
      IdempotentAnswers,
      IdempotentAnswers,
    ];
    const { promise, resolve } = Promise.withResolvers<KeptAnswer>();
    let done = 0;
    const first = one.run('secret', 'a', () => {
      done += 1;
      return promise;
    });
    const never = (): Promise<KeptAnswer> => Promise.reject(new Error('worked twice'));
    await expect(other.run('secret', 'a', never)).rejects.toThrow('ERR_ENLISTMENT_UNDER_WAY');
    await expect(other.run('secret', 'b', never)).rejects.toThrow('ERR_IDEMPOTENCY_MISMATCH');
    resolve({ status: 201, body: { id: 'x' } });
    expect(await first).toEqual({ status: 201, body: { id: 'x' } });
    expect(await other.run('secret', 'a', never)).toEqual({ status: 201, body: { id: 'x' } });
    await expect(other.run('secret', 'b', never)).rejects.toThrow('ERR_IDEMPOTENCY_MISMATCH');
    expect(done).toBe(1);
  });

  it('are not kept of a failure: any replica may try again', async () => {
    const state = memoryState();
    const [one, other] = [1, 2].map(() => new IdempotentAnswers(limits, state, limiter)) as [
      IdempotentAnswers,
      IdempotentAnswers,
    ];
    await expect(one.run('secret', 'a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await other.run('secret', 'a', async () => answer)).toEqual(answer);
  });

  it('are given although the store is lost after the work', async () => {
    const lost = (): Promise<never> => Promise.reject(new StateUnavailable());
    const answers = new IdempotentAnswers(limits, { ...memory(), set: lost }, limiter);
    expect(await answers.run('secret', 'a', async () => answer)).toEqual(answer);
    const refusing = new IdempotentAnswers(limits, { ...memory(), claim: lost }, limiter);
    await expect(refusing.run('secret', 'a', async () => answer)).rejects.toThrow('ERR_STATE_UNAVAILABLE');
  });

  it('bound the work in progress', async () => {
    const answers = new IdempotentAnswers(
      limits,
      memoryState(),
      new ConcurrencyLimiter(1, 0, () => new HttpProblem('ERR_ENLISTMENT_BUSY')),
    );
    const { promise, resolve } = Promise.withResolvers<KeptAnswer>();
    const first = answers.run('a', '', () => promise);
    await expect(answers.run('b', '', async () => answer)).rejects.toThrow('ERR_ENLISTMENT_BUSY');
    resolve(answer);
    await first;
    expect(await answers.run('b', '', async () => answer)).toEqual(answer);
  });
});

/** A store in memory whose methods can be replaced. */
function memory(): StateStore {
  const store = memoryState();
  return {
    shared: false,
    epoch: 0,
    get: (...record) => store.get(...record),
    set: (...record) => store.set(...record),
    claim: (...record) => store.claim(...record),
    delete: (...record) => store.delete(...record),
  };
}
