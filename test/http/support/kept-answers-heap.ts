/** Prints whether the heap of this process holds what was answered and asked, after it was kept; and, to show that
 *  the search finds what is there, whether it holds a copy kept on purpose. */
import { randomBytes } from 'node:crypto';
import { getHeapSnapshot } from 'node:v8';
import { ConcurrencyLimiter } from '../../../src/http/concurrency-limiter.ts';
import { IdempotentAnswers } from '../../../src/http/enlistment/idempotency.ts';
import { memoryState } from '../../support/state.ts';

const limits = { enlistmentTimeoutMs: 1_000, idempotencyWindowMs: 60_000 };
/** A canary exists only while its halves are joined. */
const halves = { answer: half(), secret: half(), request: half(), control: half() };

function half(): string {
  return randomBytes(8).toString('hex');
}

function join(text: string): string {
  return Buffer.from(`${text}-${text}`).toString();
}

async function keep(answers: IdempotentAnswers): Promise<void> {
  await answers.run(join(halves.secret), join(halves.request), async () => ({
    status: 201,
    body: { id: join(halves.answer) },
  }));
}

async function snapshot(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}

const answers = new IdempotentAnswers(
  limits,
  memoryState(),
  new ConcurrencyLimiter(8, 0, () => new Error('busy')),
);
await keep(answers);
const copies = [join(halves.control)];
const heap = await snapshot();
const held = Object.entries(halves).filter(([, text]) => heap.includes(join(text)));
const again = await answers.run(join(halves.secret), join(halves.request), () =>
  Promise.reject(new Error('lost')),
);
const same = again.body['id'] === join(halves.answer);
console.log(JSON.stringify({ held: held.map(([name]) => name), same, copies: copies.length }));
