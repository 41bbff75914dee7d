/** Random policies and stanzas through the engine and through the reference semantics (test/reference): both must give each
 *  audience the same. */
import { newCounts, type AgreementCounts } from '../proof/agreement.ts';
import type { BlockAnswer, BlockRequest } from '../proof/agreement-worker.ts';
import { onThreads } from '../proof/threads.ts';
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
  const sum = newCounts();
  const failures: string[] = [];
  let blocks = 0;
  await onThreads<BlockRequest>(
    new URL('../proof/agreement-worker.ts', import.meta.url),
    requestsFor(count, seed),
    (message) => {
      const answer = message as BlockAnswer;
      blocks += 1;
      for (const key of Object.keys(sum) as (keyof AgreementCounts)[]) sum[key] += answer.counts[key];
      failures.push(...answer.failures);
      progress(sum.triples);
      return failures.length < failuresMax;
    },
  );
  const { triples, unreadable, forwarded, changed, dropped, answered } = sum;
  const figures = {
    triples,
    'policies, two in each block': blocks * 2,
    'refused by the scanner': unreadable,
    forwarded,
    'of these, changed': changed,
    dropped,
    'answered in place of the receiver': answered,
  };
  return { figures, failures };
}

function* requestsFor(count: number, seed: number): Generator<BlockRequest> {
  for (let from = 0; from < count; from += blockTriples)
    yield { seed, block: from / blockTriples, triples: Math.min(blockTriples, count - from) };
}
