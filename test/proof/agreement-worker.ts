/** A thread that compares engine and reference: takes numbers of blocks, answers each with counts and disagreements. */
import { parentPort } from 'node:worker_threads';
import { Bench, newCounts, type AgreementCounts } from './agreement.ts';
import { compareAlone, describeTriple, shrink } from './shrink.ts';
import { TripleGenerator, type Triple } from './triples.ts';
import { spell } from './write.ts';

export interface BlockRequest {
  readonly seed: number;
  readonly block: number;
  /** Triples of the block, from the first on. */
  readonly triples: number;
}

export interface BlockAnswer {
  /** Of this block. */
  readonly counts: AgreementCounts;
  readonly failures: readonly string[];
}

/** Disagreements of a block that are made smaller, which takes seconds each. */
const shrunkMax = 2;

const generator = new TripleGenerator();

/** Compares the triples of one block. */
export function runBlock({ seed, block, triples }: BlockRequest): BlockAnswer {
  const counts = newCounts();
  const failures: string[] = [];
  const all = generator.block(seed, block).slice(0, triples);
  const bench = new Bench(all[0]!.policies);
  for (const triple of all) {
    const comparison = bench.compare(triple, counts);
    if (comparison === undefined) continue;
    const small = failures.length < shrunkMax ? smaller(triple) : undefined;
    const { reference, engine } = comparison;
    failures.push(
      `seed ${seed} block ${block}: ${small ?? `${spell(triple.stanza)}\n  reference ${reference}\n  engine    ${engine}`}`,
    );
  }
  return { counts, failures };
}

/** Returns a small triple on which they disagree; undefined where they agree without the stanzas before it. */
function smaller(triple: Triple): string | undefined {
  return compareAlone(triple) === undefined ? undefined : describeTriple(shrink(triple));
}

parentPort?.on('message', (request: BlockRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort!.postMessage(runBlock(request));
});
