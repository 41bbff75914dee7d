/** What a proxy adds to the time between a message and its answer: one client, one message in flight, against the same
 *  client connected to the gatekeeper directly. */
import type { Contender } from './contenders.ts';
import type { Load } from './load.ts';
import { waitingMicroseconds } from './pinned.ts';
import type { Row } from './row.ts';
import { spreadOf } from './statistics.ts';

/** One round: quantiles of the time between a message and its answer, in microseconds. */
export interface LatencySample {
  readonly p50: number;
  readonly p99: number;
  /** Time for which the contender was ready and something else had its processor, over elapsed time. */
  readonly waiting: number;
}

const quantiles = ['p50', 'p99'] as const;
const roundMs = 200;
const sessions = 1;
/** Bound of `waiting`: a round in which other work had the processor for longer is left out. */
const waitingMax = 0.1;
/** Of narthex to HAProxy. */
const aim = 1.5;
const yardstick = 'HAProxy';

/** A contender, or the gatekeeper itself, with its session in the load generator. */
interface Path {
  readonly name: string;
  readonly set: number;
  readonly pid: number | undefined;
}

/** Takes rounds through each contender and directly, in turn.
 *  @param firstSet the first number of a set of sessions that is free
 *  @param byteLength of the messages, which have their shape already */
export async function measureLatency(
  load: Load,
  contenders: readonly Contender[],
  { firstSet, byteLength, rounds }: { firstSet: number; byteLength: number; rounds: number },
): Promise<Row[]> {
  const direct: Path = { name: 'direct', set: firstSet, pid: undefined };
  const paths = contenders.map(({ name, pid }, index): Path => ({ name, pid, set: firstSet + 1 + index }));
  await load.open(direct.set, load.port, sessions);
  for (const [index, { port }] of contenders.entries()) await load.open(paths[index]!.set, port, sessions);
  const samples = new Map<string, LatencySample[]>();
  for (let round = -1; round < rounds; round += 1)
    for (const path of round % 2 === 0 ? [direct, ...paths] : [...paths.toReversed(), direct]) {
      const sample = await takeRound(load, path);
      if (round >= 0) samples.set(path.name, [...(samples.get(path.name) ?? []), sample]);
    }
  for (const { set } of [direct, ...paths]) await load.close(set);
  return latencyRows(samples, direct.name, byteLength);
}

async function takeRound(load: Load, { set, pid }: Path): Promise<LatencySample> {
  const waited = (): number => (pid === undefined ? 0 : waitingMicroseconds(pid));
  const before = waited();
  const { latency, elapsedMs } = await load.round(set, roundMs, 0);
  return { ...latency, waiting: (waited() - before) / 1_000 / elapsedMs };
}

/** One row for each contender and quantile: what it adds to the direct connection, and how many times what HAProxy adds
 *  in the same round.
 *  @param samples by contender, in the order of the rounds
 *  @param direct key of the samples without a proxy */
export function latencyRows(
  samples: ReadonlyMap<string, readonly LatencySample[]>,
  direct: string,
  byteLength: number,
): Row[] {
  const floor = samples.get(direct)!;
  return [...samples].flatMap(([name, own]) =>
    name === direct
      ? []
      : quantiles.map((quantile): Row => {
          const added = (each: readonly LatencySample[], round: number): number =>
            each[round]![quantile] - floor[round]![quantile];
          const other = samples.get(yardstick);
          const rounds = [...own.keys()].filter((round) => own[round]!.waiting <= waitingMax);
          const ratios = rounds
            .filter(
              (round) =>
                other !== undefined && other[round]!.waiting <= waitingMax && added(other, round) > 0,
            )
            .map((round) => added(own, round) / added(other!, round));
          // Without an undisturbed round, all of them are shown, and no ratio.
          const shown = rounds.length === 0 ? [...own.keys()] : rounds;
          return {
            name: `relay: latency that ${name} adds, one client, ${quantile}`,
            byteLength,
            figure: spreadOf(shown.map((round) => added(own, round))),
            unit: 'µs per round trip',
            ratio: ratios.length === 0 ? undefined : spreadOf(ratios),
            yardstick: name === yardstick ? '' : yardstick,
            ...(name.startsWith('narthex') && { aim }),
          };
        }),
  );
}
