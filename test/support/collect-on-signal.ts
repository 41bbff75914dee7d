/** Loaded by `--expose-gc --import` into a process whose memory is measured: collects garbage at SIGUSR2, and then writes
 *  `{"event":"collected"}`, a line as those of the log. */
import { setTimeout as sleep } from 'node:timers/promises';

async function collect(): Promise<void> {
  globalThis.gc!();
  // Finalizers of the first collection free what the second finds.
  await sleep(200);
  globalThis.gc!();
  process.stdout.write('{"event":"collected"}\n');
}

process.on('SIGUSR2', () => void collect());
