/** Memory of sessions in which nothing happens. */
import { workingTree } from './checkout.ts';
import {
  startNarthex,
  startPipe,
  writeCredentials,
  type Contender,
  type Surroundings,
} from './contenders.ts';
import { Load } from './load.ts';
import { settings } from './relay.ts';
import { memoryAtRest } from './resident.ts';
import type { Bench, BenchContext, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

const sessions = 2_000;
/** Opened and closed before the first figure, so that code that is compiled meanwhile is no part of the difference. */
const warmUpSessions = 200;
const roundsByDefault = 3;
const aim = 1.1;

export const idleBench: Bench = {
  name: 'idle',
  summary:
    `Resident memory that ${sessions.toLocaleString('en')} idle sessions add to a process after garbage collection, per session. ` +
    'TLS on both sides, a bound resource each; in each round each contender is a new process. The pipe shares one secure ' +
    'context among its connections, as the proxy does.',
  run,
};

type Start = (around: Surroundings) => Promise<Contender>;

async function run({ rounds = roundsByDefault }: BenchContext): Promise<Row[]> {
  const { folder, credentials } = await writeCredentials();
  await using _ = folder;
  await using load = await Load.start(credentials);
  const around: Surroundings = { folder, credentials, upstream: load.port };
  const starts: Start[] = [
    startPipe,
    ...settings.map(
      (each): Start =>
        (to) =>
          startNarthex(workingTree, each, to),
    ),
  ];
  const samples = starts.map((): number[] => []);
  const names: string[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const [index, start] of starts.entries()) {
      const contender = await start(around);
      try {
        names[index] = contender.name;
        samples[index]!.push(await measure(load, contender));
      } finally {
        await contender.stop();
      }
    }
  return samples.map((own, index) => ({
    name: `idle: ${names[index]!}`,
    byteLength: 0,
    figure: spreadOf(own),
    unit: 'kB per session',
    ratio: spreadOf(own.map((value, round) => value / samples[0]![round]!)),
    yardstick: names[0]!,
    ...(index === 1 && { aim }),
  }));
}

/** Kilobytes (1,000 bytes) of resident memory per session. */
async function measure(load: Load, contender: Contender): Promise<number> {
  await load.open(0, contender.port, warmUpSessions);
  await load.close(0);
  const { residentBytes: before } = await memoryAtRest(contender);
  await load.open(0, contender.port, sessions);
  const growth = (await memoryAtRest(contender)).residentBytes - before;
  await load.close(0);
  return growth / sessions / 1_000;
}
