/** How much longer twice the input takes: a ratio of medians over runs that alternate, so that noise hits both. What
 *  `prepare` does is not counted. */
export function growth<T>(prepare: (size: number) => T, work: (input: T) => void, size: number): number {
  const inputs = [prepare(size), prepare(2 * size)] as const;
  const times: [number[], number[]] = [[], []];
  for (let run = 0; run < warmUps + runs; run += 1) {
    for (const which of [0, 1] as const) {
      const start = process.hrtime.bigint();
      work(inputs[which]);
      const elapsed = Number(process.hrtime.bigint() - start);
      if (run >= warmUps) times[which].push(elapsed);
    }
  }
  return median(times[1]) / median(times[0]);
}

const warmUps = 10;
const runs = 31;

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}
