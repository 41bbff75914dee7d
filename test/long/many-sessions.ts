/** Many sessions in which messages pass for a long time: whether the memory of the proxy grows. */
import { memoryAtRest } from '../bench/resident.ts';
import { judgeMemory, type Memory } from '../support/memory-drift.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';
import { LoadStage } from './support/load-stage.ts';

const driftMax = 0.02;
const fullSize = { sessions: 5_000, rate: 500, sampleMs: 60_000 };

export const longRun: LongRun = {
  name: 'many-sessions',
  summary: '5,000 sessions with 500 messages there and back per second, and the memory they take',
  unit: 'minutes',
  count: 30,
  run: (request) => runSessions(request),
};

/** @param request `count` samples are taken, after `sampleMs` milliseconds of messages each
 *  @param size `rate` messages per second, there and back, of all sessions together */
export async function runSessions(
  { count, progress }: Pick<LongRunRequest, 'count' | 'progress'>,
  { sessions, rate, sampleMs } = fullSize,
): Promise<LongRunResult> {
  await using stage = await LoadStage.start();
  const contender = await stage.narthex();
  await stage.load.open(0, contender.port, sessions);
  const memory: Memory[] = [];
  let messages = 0;
  let slowest = 0;
  for (let sample = 0; sample < count; sample += 1) {
    const { roundTrips, latency } = await stage.load.round(0, sampleMs, rate);
    messages += roundTrips;
    slowest = Math.max(slowest, latency.p99);
    memory.push(await memoryAtRest(contender));
    progress(sample + 1);
  }
  const { figures, failures } = judgeMemory(memory, { driftMax });
  return {
    figures: {
      sessions,
      'messages there and back': messages,
      'latency in ms, highest 99th percentile of a sample': (slowest / 1_000).toFixed(2),
      ...figures,
    },
    failures,
  };
}
