/** Measures the load of the process. */
import type { Config } from '../../config/schema.ts';
import { LoadMonitor, memoryBound } from '../../transport/load-monitor.ts';
import type { ProxyObserver } from '../observer.ts';
import type { Part } from '../part.ts';

export interface Load extends Part {
  /** Returns whether new work must be refused. */
  readonly overloaded: () => boolean;
}

/** Starts to measure.
 *  @param processes that share the memory of the container */
export function openLoad(
  { loopDelayMs, memoryBytesMax }: Config['overload'],
  observer: Pick<ProxyObserver, 'load'>,
  processes = 1,
): Load {
  const monitor = new LoadMonitor(
    { loopDelayMsMax: loopDelayMs, memoryBytesMax: memoryBound(memoryBytesMax, processes) },
    (report) => observer.load(report),
  );
  return { overloaded: () => monitor.overloaded, close: () => monitor.close() };
}
