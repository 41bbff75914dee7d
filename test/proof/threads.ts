/** Gives numbered pieces of work to as many threads as there are processors. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** @param script answers each request with one message
 *  @param requests pieces of work; taken while threads are free
 *  @param note receives each answer; the run ends when it returns false */
export async function onThreads<Request>(
  script: URL,
  requests: Iterator<Request>,
  note: (answer: unknown) => boolean,
): Promise<void> {
  let ended = false;
  const work = async (): Promise<void> => {
    const worker = new Worker(script);
    try {
      while (!ended) {
        const { value, done } = requests.next();
        if (done === true) return;
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage(value);
        const [answer] = (await once(worker, 'message')) as [unknown];
        if (!note(answer)) ended = true;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}
