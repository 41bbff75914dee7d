import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { IdempotentAnswers, type KeptAnswer } from '../../../src/http/enlistment/idempotency.ts';

const limits = { enlistmentConcurrentMax: 8, idempotencyEntriesMax: 2, idempotencyWindowMs: 1_000 };
const answer: KeptAnswer = { status: 201, body: {} };

describe('kept answers', () => {
  it('are repeated to the holder of the key, within the window', async () => {
    let now = 1_000;
    let done = 0;
    const answers = new IdempotentAnswers(limits, () => now);
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
    const answers = new IdempotentAnswers(limits, () => 1_000);
    let done = 0;
    const work = async (): Promise<KeptAnswer> => ({ ...answer, body: { done: (done += 1) } });
    for (const secret of ['a', 'b', 'c', 'a']) await answers.run(secret, '', work);
    expect(done).toBe(4);
  });
});
