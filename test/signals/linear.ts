/** How much longer twice the work takes: medians of several runs, interleaved so that noise hits both. */
export function growth(work: (size: number) => void, size: number, runs = 9): number {
  const once: number[] = [];
  const twice: number[] = [];
  for (let run = 0; run < runs + 2; run += 1) {
    const first = time(() => work(size));
    const second = time(() => work(2 * size));
    // The first runs are the compiler's.
    if (run >= 2) {
      once.push(first);
      twice.push(second);
    }
  }
  return median(twice) / median(once);
}

function time(work: () => void): number {
  const start = process.cpuUsage();
  const wall = process.hrtime.bigint();
  work();
  const { user, system } = process.cpuUsage(start);
  // CPU time spares the neighbours' noise, but below a millisecond it is too coarse.
  return user + system > 2000 ? user + system : Number(process.hrtime.bigint() - wall) / 1000;
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}
