/** Two stanzas that differ only in what a policy hides from an audience give this audience the same bytes: for every field,
 *  treatment, path and container, and for values that are planted in random stanzas under random policies. */
import { readCatalogue } from '../reference/catalogue.ts';
import { InterferenceBench, subjectsOf } from '../proof/interference.ts';
import type { PairAnswer, PairRequest } from '../proof/interference-worker.ts';
import { onThreads } from '../proof/threads.ts';
import { blockTriples } from '../proof/triples.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const failuresMax = 20;
/** From so many random pairs on, every container is tried at every path; below, one in so many. */
const thoroughFrom = 10_000;
const containersSkipped = 9;

export const longRun: LongRun = {
  name: 'non-interference',
  summary: 'stanzas that differ in what is hidden from an audience give it the same bytes',
  unit: 'random pairs, after every field, treatment, path and container',
  count: 1_000_000,
  run,
};

async function run({ count, seed, progress }: LongRunRequest): Promise<LongRunResult> {
  const failures: string[] = [];
  const subjects = subjectsOf(readCatalogue());
  let pairs = 0;
  let visible = 0;
  for (const subject of subjects) {
    const bench = new InterferenceBench(subject);
    bench.run(count < thoroughFrom ? containersSkipped : 1);
    pairs += bench.counts.pairs;
    visible += bench.counts.visible;
    failures.push(...bench.failures);
    if (bench.counts.visible === 0)
      failures.push(`${subject.field.name} ${subject.kind}: no pair differs where it is kept`);
  }
  let random = 0;
  let forwarded = 0;
  await onThreads<PairRequest>(
    new URL('../proof/interference-worker.ts', import.meta.url),
    requestsFor(count, seed),
    (message) => {
      const answer = message as PairAnswer;
      random += answer.pairs;
      forwarded += answer.forwarded;
      failures.push(...answer.failures);
      progress(random);
      return failures.length < failuresMax;
    },
  );
  const figures = {
    'fields, treatments and directions': subjects.length,
    'pairs at their paths, in containers': pairs,
    'of these, different where the field is kept': visible,
    'pairs in random stanzas under random policies': random,
    'of these, forwarded': forwarded,
  };
  return { figures, failures };
}

function* requestsFor(count: number, seed: number): Generator<PairRequest> {
  for (let from = 0; from < count; from += blockTriples)
    yield { seed, block: from / blockTriples, pairs: Math.min(blockTriples, count - from) };
}
