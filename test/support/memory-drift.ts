/** What samples of a process's memory say of a leak. */

/** Memory of a process once nothing is left to collect, in bytes. */
export interface Memory {
  /** What lives in the heap and outside of it. Grows with a leak. */
  readonly liveBytes: number;
  /** What the system has given to the process. Allocators keep of it what a storm of sessions took. */
  readonly residentBytes: number;
}

/** Returns by which part the median of the last third is above that of the third before. The first third is warm-up. */
export function driftOf(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3);
  return median(samples.slice(-third)) / median(samples.slice(-2 * third, -third)) - 1;
}

/** Returns by which part the highest sample after the first third is above the highest in it. */
export function growthOf(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3);
  return Math.max(...samples.slice(third)) / Math.max(...samples.slice(0, third)) - 1;
}

/** Returns what a person reads of three samples or more, and what of it is a failure.
 *  @param driftMax of live memory
 *  @param growthMax of resident memory */
export function judgeMemory(
  samples: readonly Memory[],
  { driftMax, growthMax = Infinity }: { driftMax: number; growthMax?: number },
): { figures: Record<string, string>; failures: string[] } {
  const live = samples.map(({ liveBytes }) => liveBytes);
  const resident = samples.map(({ residentBytes }) => residentBytes);
  const drift = driftOf(live);
  const growth = growthOf(resident);
  return {
    figures: {
      'live memory in MiB, least and most': range(live),
      'drift of the median of live memory': percent(drift),
      'resident memory in MiB, least and most': range(resident),
      'growth of the highest resident memory': percent(growth),
    },
    failures: [
      ...(drift > driftMax ? [`what lives in memory grew by ${percent(drift)}`] : []),
      ...(growth > growthMax ? [`resident memory grew by ${percent(growth)}`] : []),
    ],
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

function range(bytes: readonly number[]): string {
  const mebibytes = (value: number): string => (value / 2 ** 20).toFixed(1);
  return `${mebibytes(Math.min(...bytes))}, ${mebibytes(Math.max(...bytes))}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
