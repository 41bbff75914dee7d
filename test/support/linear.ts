/** Whether twice the input takes twice the time. */
import { expect } from 'vitest';

/** Twice the input may cost at most this much more: 2 is linear, 4 quadratic. */
const ratioMax = 2.3;

/** Least time of one measurement: some kernels count a thread's CPU time in ticks of four milliseconds. */
const measurementMs = 40;
const rounds = 5;

/** Measures both and compares. Other tests share the processor: a quadratic cost (ratio 4) fails every time, a
 *  disturbed measurement not. */
export function expectLinear(name: string, single: () => void, double: () => void): void {
  let found = ratio(single, double);
  for (let again = 0; again < 4 && found > ratioMax; again += 1)
    found = Math.min(found, ratio(single, double));
  console.log(`${name}: ${found.toFixed(2)}`);
  expect(found).toBeLessThanOrEqual(ratioMax);
}

/** Interleaved, so that whatever else the machine does falls on both sizes alike. */
function ratio(single: () => void, double: () => void): number {
  measure(double, 5);
  const repeats = Math.ceil((measurementMs * 20) / Math.max(1, measure(single, 20)));
  const times = Array.from({ length: rounds }, () => ({
    single: measure(single, repeats),
    double: measure(double, repeats),
  }));
  return median(times.map((time) => time.double)) / median(times.map((time) => time.single));
}

/** Milliseconds of this thread's CPU that `times` runs take: what other processes do must not count. */
function measure(work: () => void, times: number): number {
  const before = process.threadCpuUsage();
  for (let i = 0; i < times; i += 1) work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
