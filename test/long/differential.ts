/** Generated streams are forwarded under each shipped policy, and the parsers of servers and clients in use must read in
 *  what is forwarded what the scanner reads in it: structure, names, attributes and text. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Difference } from '../oracles/batch.ts';
import { compare } from '../oracles/comparison.ts';
import type { ForwardingCounts } from '../oracles/forwarder.ts';
import type { BatchAnswer, BatchRequest } from '../oracles/forwarding-worker.ts';
import type { Oracle } from '../oracles/oracle.ts';
import { startOracles } from '../oracles/oracles.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

/** Streams whose stanzas are one document. */
const batchStreams = 4_000;
/** Threads that generate and forward; the oracles are processes of their own. */
const threadsMax = 4;
/** Oracles that take too long to read every batch read one in so many. */
const batchesPerReading: Readonly<Record<string, number>> = { chromium: 8 };
/** A difference that is everywhere is not listed everywhere. */
const failuresMax = 20;

export const longRun: LongRun = {
  name: 'differential',
  summary: 'what is forwarded is read alike by fast_xml, lua-expat, expat, ltx, libxml2 and Chromium',
  unit: 'streams',
  count: 10_000_000,
  run,
};

async function run(request: LongRunRequest): Promise<LongRunResult> {
  const oracles = await startOracles();
  try {
    const progress = new Progress(request);
    const threads = Math.min(threadsMax, Math.ceil(request.count / batchStreams));
    const counts = await Promise.all(Array.from({ length: threads }, () => work(progress, oracles)));
    const sum = (name: keyof ForwardingCounts): number =>
      counts.reduce((total, each) => total + (each?.[name] ?? 0), 0);
    const figures = {
      streams: sum('streams'),
      'streams refused in part or whole': sum('refused'),
      'stanzas received': sum('received'),
      'stanzas forwarded, each way of writing once': sum('forwarded'),
      'of them rewritten': sum('rewritten'),
      'read by': oracles.map(({ name }) => nameWithShare(name)).join(', '),
    };
    return { figures, failures: progress.failures };
  } finally {
    await Promise.all(oracles.map((oracle) => oracle.close()));
  }
}

/** One thread's part of the run. @returns counts of all its batches */
async function work(progress: Progress, oracles: readonly Oracle[]): Promise<ForwardingCounts | undefined> {
  const worker = new Worker(new URL('../oracles/forwarding-worker.ts', import.meta.url));
  let counts: ForwardingCounts | undefined;
  let comparing: Promise<void> = Promise.resolve();
  try {
    for (let next = progress.take(); next !== undefined; next = progress.take()) {
      const { request, number } = next;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(request);
      const [answer] = (await once(worker, 'message')) as [BatchAnswer];
      ({ counts } = answer);
      // The oracles read one batch while the thread makes the next one.
      await comparing;
      const readers = oracles.filter(({ name }) => number % (batchesPerReading[name] ?? 1) === 0);
      progress.note(answer.batch.differences);
      comparing = compare(answer.batch, readers).then((found) => progress.note(found));
    }
    await comparing;
    return counts;
  } finally {
    await worker.terminate();
  }
}

/** Which batches are left, and what was found. */
class Progress {
  readonly failures: string[] = [];
  readonly #request: LongRunRequest;
  #from = 0;
  #batches = 0;

  constructor(request: LongRunRequest) {
    this.#request = request;
  }

  /** The next batch; undefined when all are made, or enough has failed. */
  take(): { readonly request: BatchRequest; readonly number: number } | undefined {
    const { count, seed, progress } = this.#request;
    const from = this.#from;
    if (from >= count || this.failures.length >= failuresMax) return undefined;
    this.#from = Math.min(count, from + batchStreams);
    this.#batches += 1;
    progress(from);
    return { request: { seed, from, until: this.#from }, number: this.#batches - 1 };
  }

  note(differences: readonly Difference[]): void {
    for (const { reader, stanza, expected, actual } of differences)
      this.failures.push(
        `${reader}: ${JSON.stringify(stanza.slice(0, 2_000))}\n  expected ${expected.slice(0, 600)}\n  actual   ${actual.slice(0, 600)}`,
      );
  }
}

function nameWithShare(name: string): string {
  const batches = batchesPerReading[name];
  return batches === undefined ? name : `${name} (one batch of ${batchStreams} streams in ${batches})`;
}
