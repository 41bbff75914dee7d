/** How much longer twice the input takes. What `prepare` does is not counted.
 *
 *  A ratio of medians over rounds that alternate between the two inputs; each round keeps its best of five, because
 *  neighbours on the machine and the garbage collector can only add time. */
export function growth<T>(prepare: (size: number) => T, work: (input: T) => void, size: number): number {
  const inputs = [prepare(size), prepare(2 * size)] as const;
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < warmUps + rounds; round += 1) {
    for (const which of [0, 1] as const) {
      const best = Math.min(...Array.from({ length: 5 }, () => time(() => work(inputs[which]))));
      if (round >= warmUps) times[which].push(best);
    }
  }
  return median(times[1]) / median(times[0]);
}

const warmUps = 4;
const rounds = 15;

/** Nanoseconds. */
function time(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}
