/** Where the time of a message goes inside the proxy: clock reads around the steps of the running product, under load
 *  as in the relay rows. */
import { join } from 'node:path';
import type { AccountRequest, AccountSamples } from './clock-account.ts';
import { workingTree } from './checkout.ts';
import {
  startNarthex,
  startPipe,
  writeCredentials,
  type Contender,
  type Surroundings,
} from './contenders.ts';
import { Load } from './load.ts';
import { cpuMicroseconds } from './pinned.ts';
import { sessions, settings } from './relay.ts';
import type { Bench, BenchContext, Row } from './row.ts';
import { chat } from './shapes.ts';
import { spreadOf } from './statistics.ts';

const byteLength = 300;
const rates = [0, 2_500];
const roundMs = 100;
const roundsByDefault = 16;
const warmUpRounds = 30;
/** One from the client and one from the gatekeeper. */
const messagesPerRoundTrip = 2;

export const accountingBench: Bench = {
  name: 'accounting',
  summary:
    `Clock reads in the running proxy: time of its own steps for one message (chat of ${byteLength} bytes), next to CPU time ` +
    'of the whole process per message in the same rounds. `scan` finds the stanza, `judge` asks the stages, `dispatch` carries out ' +
    'what they say, `render` writes a changed stanza anew, `write` hands it to the socket. A pair of clock reads, 0.05 to ' +
    '0.08 µs, is part of each.',
  run,
};

const preload = (file: string): readonly string[] => ['--import', join(import.meta.dirname, file)];

async function run({ rounds = roundsByDefault }: BenchContext): Promise<Row[]> {
  const { folder, credentials } = await writeCredentials();
  await using _ = folder;
  await using load = await Load.start(credentials);
  const around: Surroundings = { folder, credentials, upstream: load.port };
  const contenders: Contender[] = [await startPipe(around, preload('account-pipe.ts'))];
  try {
    for (const each of settings)
      contenders.push(
        await startNarthex(workingTree, { ...each, node: preload('account-narthex.ts') }, around),
      );
    for (const [set, { port }] of contenders.entries()) await load.open(set, port, sessions);
    await load.shape(chat, byteLength);
    const rows: Row[] = [];
    for (const rate of rates) rows.push(...(await measure(load, contenders, rate, rounds)));
    return rows;
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

interface Account {
  readonly contender: Contender;
  /** CPU microseconds of the process per message, by round. */
  readonly costs: number[];
  /** Mean microseconds per message, by section and round: what a batch does at its end is in the sample of its last
   *  message. */
  readonly sections: Map<string, number[]>;
}

async function measure(
  load: Load,
  contenders: readonly Contender[],
  rate: number,
  rounds: number,
): Promise<Row[]> {
  const accounts = contenders.map((contender): Account => ({ contender, costs: [], sections: new Map() }));
  for (let round = -warmUpRounds; round < rounds; round += 1)
    for (const [set, account] of accounts.entries()) {
      const { contender, costs, sections } = account;
      await contender.ask('account:reset' satisfies AccountRequest);
      const before = cpuMicroseconds(contender.pid);
      const { roundTrips } = await load.round(set, roundMs, rate);
      const spent = cpuMicroseconds(contender.pid) - before;
      if (round < 0) continue;
      costs.push(spent / roundTrips / messagesPerRoundTrip);
      const samples = (await contender.ask('account:read' satisfies AccountRequest)) as AccountSamples;
      for (const [section, times] of Object.entries(samples))
        sections.set(section, [...(sections.get(section) ?? []), meanOf(times)]);
    }
  return accounts.flatMap((account) => rowsOf(account, rate === 0 ? 'saturated' : `${rate}/s`));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rowsOf({ contender, costs, sections }: Account, pace: string): Row[] {
  const whole = spreadOf(costs);
  const row = { byteLength, unit: 'µs per message', yardstick: 'its CPU per message' };
  const name = `accounting: ${contender.name}, ${pace}`;
  return [
    { ...row, name: `${name}: all`, figure: whole, ratio: undefined, yardstick: '' },
    ...[...sections].map(([section, times]): Row => {
      const figure = spreadOf(times);
      const part = (value: number): number => value / whole.median;
      const { median, lower, upper, count } = figure;
      const ratio = { median: part(median), lower: part(lower), upper: part(upper), count };
      return { ...row, name: `${name}: ${section}`, figure, ratio };
    }),
  ];
}
