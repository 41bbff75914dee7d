/** A thread that generates streams and forwards them: takes ranges of stream numbers, answers each with a batch. */
import { parentPort } from 'node:worker_threads';
import { StreamGenerator } from '../stream/generator.ts';
import { Random } from '../support/random.ts';
import { batchOf, type Batch, type ForwardedStanza } from './batch.ts';
import { xmpp } from './dialect.ts';
import { Forwarder, type ForwardingCounts } from './forwarder.ts';

export interface BatchRequest {
  readonly seed: number;
  readonly from: number;
  /** Exclusive. */
  readonly until: number;
}

export interface BatchAnswer {
  readonly batch: Batch;
  /** Of the batches so far. */
  readonly counts: ForwardingCounts;
}

// Most streams are refused, and no stack is looked at.
Error.stackTraceLimit = 0;
const forwarder = new Forwarder();

parentPort!.on('message', ({ seed, from, until }: BatchRequest) => {
  const forwarded: ForwardedStanza[] = [];
  for (let i = from; i < until; i += 1) {
    const random = new Random(Math.imul(seed, 0x9e37_79b1) + i);
    const bytes = new StreamGenerator(random, xmpp).stream();
    const chunks = random.once(2) ? [bytes] : random.chunks(bytes, 200);
    forwarder.forward(chunks, random.once(2) ? 'to-gatekeeper' : 'to-client', forwarded);
  }
  const answer: BatchAnswer = { batch: batchOf(forwarded), counts: forwarder.counts };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort!.postMessage(answer);
});
