/** Loaded by `--expose-gc --import` into a process whose memory is measured: collects garbage at SIGUSR2, and then writes
 *  `{"event":"collected","liveBytes":…}`, a line as those of the log: what lives in its heap and outside of it. */
import { setTimeout as sleep } from 'node:timers/promises';

async function collect(): Promise<void> {
  globalThis.gc!();
  // Finalizers of the first collection free what the second finds.
  await sleep(200);
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ event: 'collected', liveBytes: heapUsed + external })}\n`);
}

process.on('SIGUSR2', () => void collect());
