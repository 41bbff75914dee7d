/** Sessions that come and go: whether the proxy keeps memory of them. */
import { memoryAtRest } from '../bench/resident.ts';
import { judgeMemory, type Memory } from '../support/memory-drift.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';
import { LoadStage } from './support/load-stage.ts';

const samplesByDefault = 30;
const driftMax = 0.02;

export const longRun: LongRun = {
  name: 'connects',
  summary: 'sessions that are opened and closed, and the memory that is left after them',
  unit: 'sessions',
  count: 100_000,
  run: (request) => runConnects(request),
};

/** Opens and closes sessions in `samples` groups, and takes the memory of the proxy after each group. */
export async function runConnects(
  { count, progress }: Pick<LongRunRequest, 'count' | 'progress'>,
  samples = samplesByDefault,
): Promise<LongRunResult> {
  await using stage = await LoadStage.start();
  const contender = await stage.narthex();
  const group = Math.ceil(count / samples);
  const memory: Memory[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    await stage.load.open(0, contender.port, group);
    await stage.load.close(0);
    memory.push(await memoryAtRest(contender));
    progress(group * (sample + 1));
  }
  return judgeMemory(memory, { driftMax });
}
