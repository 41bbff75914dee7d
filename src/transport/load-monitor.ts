/** Measures the load of the process: the delay of the event loop, and resident memory. While it is overloaded new
 *  work is refused, for the sake of live sessions. An overload starts after two samples in a row above a bound, and
 *  ends after six well below it. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoadLimits {
  /** Median delay of the event loop during a sample, in milliseconds; 0 for no limit. */
  readonly loopDelayMsMax: number;
  /** Bytes of resident memory; 0 for no limit. */
  readonly memoryBytesMax: number;
}

export interface LoadSample {
  readonly loopDelayMs: number;
  readonly memoryBytes: number;
}

/** A change of the state, with the numbers of the sample that caused it. */
export type LoadReport = LoadSample & { readonly kind: 'overloaded' | 'recovered' };

/** Samples in a row. */
const samplesToEnter = 2;
const samplesToLeave = 6;
const sampleMs = 500;
/** Share of a bound that counts as well below it. Memory is freed slowly, a late loop recovers at once. */
const loopDelayRest = 0.5;
const memoryRest = 0.95;

/** Decides from one sample at a time; pure. */
export class LoadState {
  readonly #limits: LoadLimits;
  #overloaded = false;
  #contrary = 0;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** Takes a sample.
   *  @returns whether the state has changed */
  take(sample: LoadSample): boolean {
    const contrary = this.#overloaded
      ? !this.#exceeds(sample, loopDelayRest, memoryRest)
      : this.#exceeds(sample, 1, 1);
    this.#contrary = contrary ? this.#contrary + 1 : 0;
    if (this.#contrary < (this.#overloaded ? samplesToLeave : samplesToEnter)) return false;
    this.#overloaded = !this.#overloaded;
    this.#contrary = 0;
    return true;
  }

  #exceeds({ loopDelayMs, memoryBytes }: LoadSample, ofDelay: number, ofMemory: number): boolean {
    const { loopDelayMsMax, memoryBytesMax } = this.#limits;
    const late = loopDelayMsMax > 0 && loopDelayMs >= loopDelayMsMax * ofDelay;
    return late || (memoryBytesMax > 0 && memoryBytes >= memoryBytesMax * ofMemory);
  }
}

const resolutionMs = 10;

export class LoadMonitor {
  readonly #state: LoadState;
  readonly #delays = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #timer: NodeJS.Timeout;

  constructor(limits: LoadLimits, report: (report: LoadReport) => void) {
    this.#state = new LoadState(limits);
    this.#delays.enable();
    this.#timer = setInterval(() => {
      const sample = this.#sample();
      if (this.#state.take(sample))
        report({ kind: this.#state.overloaded ? 'overloaded' : 'recovered', ...sample });
    }, sampleMs).unref();
  }

  get overloaded(): boolean {
    return this.#state.overloaded;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }

  #sample(): LoadSample {
    const { count } = this.#delays;
    // Each value includes the requested wait. Without a value the loop has not turned since the last sample.
    const loopDelayMs =
      count === 0 ? sampleMs : Math.max(0, this.#delays.percentile(50) / 1e6 - resolutionMs);
    this.#delays.reset();
    return { loopDelayMs, memoryBytes: process.memoryUsage.rss() };
  }
}

/** Share of a container's memory above which new work is refused. */
const containerShare = 0.85;

/** Returns the bound in bytes of one process: the configured one, or a share of the container's memory limit; 0 without
 *  one.
 *  @param processes that share the container */
export function memoryBound(
  configuredBytes: number,
  processes = 1,
  constrainedBytes = process.constrainedMemory(),
): number {
  if (configuredBytes > 0) return configuredBytes;
  // Without a container's limit, Node returns 0 or a number beyond any machine.
  return constrainedBytes > 0 && constrainedBytes < 2 ** 50
    ? Math.floor((constrainedBytes * containerShare) / processes)
    : 0;
}
