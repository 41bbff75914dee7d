/** A process with many sessions that drains: their ends are spread over the window, and it exits with 0 in time. */
import { measureDrain, middleOf } from '../system/drain-spread.ts';
import type { LongRun } from './long-run.ts';

const drainMs = 25_000;
const drainSpreadMs = 20_000;
/** For closing the last sessions, and for the end of the process itself. */
const closingMs = 5_000;

export const longRun: LongRun = {
  name: 'drain-spread',
  summary: 'a process drained with its sessions: when each of them ends, and when the process does',
  unit: 'sessions',
  count: 1_000,
  async run({ count, progress }) {
    const { ends, conditions, exitCode, exitMs } = await measureDrain({
      sessions: count,
      drainMs,
      drainSpreadMs,
      progress,
    });
    const part = middleOf(ends) / drainSpreadMs;
    const refused = conditions.filter((condition) => condition !== 'system-shutdown').length;
    return {
      figures: {
        'window in ms': drainSpreadMs,
        'first and last end in ms': `${ends[0]!.toFixed(0)}, ${ends.at(-1)!.toFixed(0)}`,
        'middle 80 % of the ends': `${(100 * part).toFixed(0)} % of the window`,
        'exit code': String(exitCode),
        'exit after ms': exitMs.toFixed(0),
      },
      failures: [
        ...(part < 0.6 ? [`the middle 80 % take ${(100 * part).toFixed(0)} % of the window`] : []),
        ...(exitCode === 0 ? [] : [`exit code ${exitCode}`]),
        ...(exitMs > drainMs + closingMs ? [`ended after ${exitMs.toFixed(0)} ms`] : []),
        ...(refused > 0 ? [`${refused} sessions ended in another way`] : []),
      ],
    };
  },
};
