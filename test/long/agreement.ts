/** Random policies and stanzas through the engine and through the reference semantics (test/reference): both must give each
 *  audience the same. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { AgreementCounts } from '../proof/agreement.ts';
import type { BlockAnswer, BlockRequest } from '../proof/agreement-worker.ts';
import { blockTriples } from '../proof/triples.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

/** After so many disagreements the run ends. */
const failuresMax = 20;

export const longRun: LongRun = {
  name: 'agreement',
  summary: 'the engine gives each audience what the reference semantics of the policy language says',
  unit: 'triples of policy, stanza and direction',
  count: 10_000_000,
  run,
};

async function run({ count, seed, progress }: LongRunRequest): Promise<LongRunResult> {
  const blocks = Math.ceil(count / blockTriples);
  const sum: Record<keyof AgreementCounts, number> = {
    triples: 0,
    unreadable: 0,
    forwarded: 0,
    changed: 0,
    dropped: 0,
    answered: 0,
  };
  const failures: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('../proof/agreement-worker.ts', import.meta.url));
    try {
      while (next < blocks && failures.length < failuresMax) {
        const block = next;
        next += 1;
        const request: BlockRequest = {
          seed,
          block,
          triples: Math.min(blockTriples, count - block * blockTriples),
        };
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage(request);
        const [answer] = (await once(worker, 'message')) as [BlockAnswer];
        for (const key of Object.keys(sum) as (keyof AgreementCounts)[]) sum[key] += answer.counts[key];
        failures.push(...answer.failures);
        progress(sum.triples);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(blocks, availableParallelism()) }, work));
  const { triples, unreadable, forwarded, changed, dropped, answered } = sum;
  const figures = {
    triples,
    'policies, two in each block': next * 2,
    'refused by the scanner': unreadable,
    forwarded,
    'of these, changed': changed,
    dropped,
    'answered in place of the receiver': answered,
  };
  return { figures, failures };
}
