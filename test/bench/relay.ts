/** What relaying one message there and back costs a proxy in CPU time, over TLS on both sides. All contenders are up at
 *  once with open sessions; short rounds take turns, and each is compared with the yardstick's round of the same turn. */
import {
  startHaproxy,
  startNarthex,
  startPipe,
  startReserialiser,
  writeCredentials,
  type Contender,
  type NarthexSettings,
  type Surroundings,
} from './contenders.ts';
import { workingTree } from './checkout.ts';
import { measureLatency } from './latency.ts';
import { Load } from './load.ts';
import { cpuMicroseconds, waitingMicroseconds } from './pinned.ts';
import type { Bench, BenchContext, Checkout, Row } from './row.ts';
import { chat, omemo, type MessageShape } from './shapes.ts';
import { median, pairRounds, spreadOf, type ComparableBounds, type RoundSample } from './statistics.ts';

/** Messages of the bench: what most are, what encrypted ones are, and a long text. */
const messages = [
  { shape: chat, byteLength: 300 },
  { shape: omemo(8), byteLength: 2_560 },
  { shape: chat, byteLength: 8_192 },
] as const;

/** Round trips per second; 0 is as many as there can be. At the fixed rate each event finds the process idle. */
const rates = [0, 2_500];
export const sessions = 20;
const roundMs = 100;
const roundsByDefault = 24;
/** More, since a refactoring is judged by hundredths. */
const roundsAgainst = 48;
const againstAim = 1.02;
/** Before the first rows, while code is compiled, and before the others. */
const warmUpRounds = { first: 20, next: 4 };

/** Of narthex to the pipe, by policy. */
const aims = { passthrough: 1.25, balanced: 1.35, strict: 1.5 } as const;
/** Of narthex under `passthrough` to the others. */
const haproxyAim = 2;
const reserialiserAims: Readonly<Record<number, number>> = { 300: 0.8, 2_560: 0.6, 8_192: 0.4 };

/** Each policy that ships; what capabilities cost is part of the two that change anything. */
export const settings: readonly NarthexSettings[] = [
  { policy: 'passthrough', capabilities: false },
  { policy: 'balanced', capabilities: true },
  { policy: 'strict', capabilities: true },
];

const saturatedBounds: ComparableBounds = {
  eventsPerLoopRatioMax: 1.5,
  busyDifferenceMax: 0.1,
  waitingMax: 0.1,
  reachedMin: 0,
};
const ratedBounds: ComparableBounds = {
  eventsPerLoopRatioMax: 1.5,
  busyDifferenceMax: Infinity,
  waitingMax: 0.1,
  reachedMin: 0.97,
};

export const relayBench: Bench = {
  name: 'relay',
  summary:
    `CPU time of the proxy for one message there and back, over TLS on both sides. ${sessions} sessions have one message in ` +
    `flight each, in rounds of ${roundMs} ms: as many as there can be, or ${rates[1]} round trips per second. ` +
    'A round is left out when it is not comparable with that of the yardstick. That is when events per loop iteration ' +
    `differ by more than ${saturatedBounds.eventsPerLoopRatioMax} ×, or saturated utilisation by more than ` +
    `${saturatedBounds.busyDifferenceMax}. It is also when other work had the processor for more than ` +
    `${saturatedBounds.waitingMax} of the time, or less than ${ratedBounds.reachedMin} of the fixed rate was reached. ` +
    'Latency is that of one client with one message in flight, less that of a direct connection in the same round.',
  run,
};

/** A contender with what it is compared to. */
interface Entry {
  readonly contender: Contender;
  /** Its sessions in the load generator. */
  readonly set: number;
  readonly yardsticks: readonly Yardstick[];
}

interface Yardstick {
  readonly name: string;
  readonly contender: Contender;
  readonly aim?: (byteLength: number) => number | undefined;
}

async function run({ rounds, against }: BenchContext): Promise<Row[]> {
  const { folder, credentials } = await writeCredentials();
  await using _ = folder;
  await using load = await Load.start(credentials);
  const around: Surroundings = { folder, credentials, upstream: load.port };
  const contenders: Contender[] = [];
  try {
    const entries =
      against === undefined ? await field(around, contenders) : await pairs(around, contenders, against);
    for (const { set, contender } of entries) await load.open(set, contender.port, sessions);
    const rows: Row[] = [];
    const count = rounds ?? (against === undefined ? roundsByDefault : roundsAgainst);
    for (const message of messages) {
      await load.shape(message.shape, message.byteLength);
      for (const rate of rates) {
        const warmUp = rows.length === 0 ? warmUpRounds.first : warmUpRounds.next;
        rows.push(...(await measure(load, entries, { ...message, rate, count, warmUp })));
      }
    }
    if (against === undefined) rows.push(...(await latency(load, contenders, count)));
    return rows;
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

/** Of the messages that most are. */
async function latency(load: Load, contenders: readonly Contender[], rounds: number): Promise<Row[]> {
  const [{ shape, byteLength }] = messages;
  await load.shape(shape, byteLength);
  return measureLatency(load, contenders, { firstSet: contenders.length, byteLength, rounds });
}

/** Everything that the design names, against the pipe. */
async function field(around: Surroundings, started: Contender[]): Promise<Entry[]> {
  const pipe = await startPipe(around);
  started.push(pipe);
  const haproxy = await startHaproxy(around);
  if (haproxy !== undefined) started.push(haproxy);
  const reserialiser = await startReserialiser(around);
  started.push(reserialiser);
  const toPipe: Yardstick = { name: pipe.name, contender: pipe };
  const entries: Entry[] = started.map((contender, set) => ({ contender, set, yardsticks: [toPipe] }));
  for (const each of settings) {
    const contender = await startNarthex(workingTree, each, around);
    started.push(contender);
    const yardsticks: Yardstick[] = [{ ...toPipe, aim: () => aims[each.policy] }];
    if (each.policy === 'passthrough') {
      if (haproxy !== undefined)
        yardsticks.push({ name: haproxy.name, contender: haproxy, aim: () => haproxyAim });
      yardsticks.push({
        name: reserialiser.name,
        contender: reserialiser,
        aim: (byteLength) => reserialiserAims[byteLength],
      });
    }
    entries.push({ contender, set: entries.length, yardsticks });
  }
  return entries;
}

/** Each policy of this tree against the same of another revision. */
async function pairs(around: Surroundings, started: Contender[], against: Checkout): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const each of settings) {
    const before = await startNarthex(against, each, around);
    started.push(before);
    const now = await startNarthex(workingTree, each, around);
    started.push(now);
    entries.push({ contender: before, set: entries.length, yardsticks: [] });
    entries.push({
      contender: now,
      set: entries.length,
      yardsticks: [{ name: before.name, contender: before, aim: () => againstAim }],
    });
  }
  return entries;
}

interface Cell {
  readonly shape: MessageShape;
  readonly byteLength: number;
  readonly rate: number;
  readonly count: number;
  readonly warmUp: number;
}

async function measure(load: Load, entries: readonly Entry[], cell: Cell): Promise<Row[]> {
  const samples = new Map(entries.map(({ contender }): [Contender, RoundSample[]] => [contender, []]));
  for (let round = -cell.warmUp; round < cell.count; round += 1) {
    // In alternating order, so that no contender always follows the same other.
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      const sample = await measureRound(load, entry, cell.rate);
      if (round >= 0) samples.get(entry.contender)!.push(sample);
    }
  }
  const bounds = cell.rate === 0 ? saturatedBounds : ratedBounds;
  return entries.flatMap(({ contender, yardsticks }) => {
    const own = samples.get(contender)!;
    return yardsticks.map(({ name, contender: other, aim: aimFor }): Row => {
      const aim = aimFor?.(cell.byteLength);
      const { ratios, discarded } = pairRounds(own, samples.get(other)!, bounds);
      return {
        name: `relay: ${contender.name}, ${cell.shape.name}, ${cell.rate === 0 ? 'saturated' : `${cell.rate}/s`}`,
        byteLength: cell.byteLength,
        figure: spreadOf(own.map(({ cost }) => cost)),
        unit: 'µs per round trip',
        ratio: ratios.length === 0 ? undefined : spreadOf(ratios),
        yardstick: name,
        ...(aim !== undefined && { aim }),
        load: { ...conditions(own), discarded },
      };
    });
  });
}

function conditions(samples: readonly RoundSample[]): {
  eventsPerLoop: number | undefined;
  busy: number;
  loadBusy: number;
} {
  const events = samples.flatMap(({ eventsPerLoop }) => eventsPerLoop ?? []);
  return {
    eventsPerLoop: events.length === 0 ? undefined : median(events),
    busy: median(samples.map(({ busy }) => busy)),
    loadBusy: median(samples.map(({ loadBusy }) => loadBusy)),
  };
}

async function measureRound(load: Load, { contender, set }: Entry, rate: number): Promise<RoundSample> {
  const loopBefore = await contender.loop();
  const loadBefore = load.cpu();
  const before = cpuMicroseconds(contender.pid);
  const waitedBefore = waitingMicroseconds(contender.pid);
  const { roundTrips, elapsedMs } = await load.round(set, roundMs, rate);
  const spent = cpuMicroseconds(contender.pid) - before;
  const waited = waitingMicroseconds(contender.pid) - waitedBefore;
  const loadSpent = load.cpu() - loadBefore;
  const loopAfter = await contender.loop();
  return {
    cost: spent / roundTrips,
    eventsPerLoop:
      loopBefore &&
      loopAfter &&
      (loopAfter.events - loopBefore.events) / (loopAfter.iterations - loopBefore.iterations),
    busy: spent / 1_000 / elapsedMs,
    loadBusy: loadSpent / 1_000 / elapsedMs,
    waiting: waited / 1_000 / elapsedMs,
    reached: rate === 0 ? 1 : roundTrips / ((rate * roundMs) / 1_000),
  };
}
