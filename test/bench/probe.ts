/** Loaded by `--import` into each Node process that is measured: answers what only the process itself knows, when it is
 *  asked by a message. Nothing runs while it is not asked. */
import { performance } from 'node:perf_hooks';
import type { Memory } from '../support/memory-drift.ts';

/** Counts since the start of the event loop (`uv_metrics_info`). */
export interface LoopCounts {
  readonly iterations: number;
  readonly events: number;
}

/** Messages that the probe answers; others are for the program that it was loaded into. */
export type ProbeRequest = 'probe:loop' | 'probe:memory';

function answer(request: unknown): void {
  if (request === 'probe:loop') {
    const { loopCount, events } = performance.nodeTiming.uvMetricsInfo;
    process.send!({ iterations: loopCount, events } satisfies LoopCounts);
  } else if (request === 'probe:memory') {
    // Finalizers of the first collection free what the second finds.
    globalThis.gc!();
    setTimeout(() => {
      globalThis.gc!();
      const { heapUsed, external, rss } = process.memoryUsage();
      process.send!({ liveBytes: heapUsed + external, residentBytes: rss } satisfies Memory);
    }, 200);
  }
}

process.on('message', answer);
process.once('disconnect', () => process.exit());
process.channel?.unref();
