import { expect, test } from 'vitest';
import type { ExposureRow, RecordBody } from '../../src/ledger/body.ts';
import { parseRecord } from '../../src/ledger/record.ts';
import { compareSummaries, LedgerSummariser, type LedgerSummary } from '../../src/ledger/summary.ts';
import { createLedgerKeys, inForce, MemorySink, openMemoryLedger, program, randomStream } from './ledgers.ts';

const keys = createLedgerKeys();
const whole = { from: 0, to: Infinity };

const dropped = (count: number, sessions: number): ExposureRow => ({
  audience: 'gatekeeper',
  field: 'chat-state',
  treatment: 'drop',
  mode: 'enforced',
  count,
  sessions,
});

const kept = (count: number): ExposureRow => ({ ...dropped(count, 1), treatment: 'keep' });

function interval(minute: number, rows: ExposureRow[]): RecordBody {
  const [from, to] = [minute, minute + 1].map((at) => new Date(Date.UTC(2026, 10, 29, 10, at)).toISOString());
  return { kind: 'exposure', gatekeeper: 'main', from: from!, to: to!, rows };
}

interface Written {
  readonly stream: string;
  readonly lines: readonly string[];
}

async function write(bodies: readonly RecordBody[]): Promise<Written> {
  const stream = randomStream();
  const sink = new MemorySink();
  await openMemoryLedger(keys, stream, sink).append(bodies);
  return { stream, lines: sink.files.flat() };
}

function summarise(
  streams: readonly Written[],
  options: ConstructorParameters<typeof LedgerSummariser>[0],
): LedgerSummary {
  const summariser = new LedgerSummariser(options);
  for (const { stream, lines } of streams) {
    for (const line of lines) {
      const parsed = parseRecord(line.slice(0, -1));
      if (parsed.kind !== 'record') throw new Error(parsed.kind);
      summariser.take(stream, parsed.record);
    }
  }
  return summariser.summary();
}

test('bytes are summed, and an interval without them has none', async () => {
  const written = await write([
    inForce('strict', 'a'),
    interval(0, [{ ...dropped(3, 2), bytes: 90 }]),
    interval(1, [dropped(4, 2)]),
    interval(2, [{ ...dropped(1, 1), bytes: 7 }]),
  ]);
  expect(summarise([written], { range: whole }).rows).toMatchObject([{ count: 8, bytes: 97 }]);
});

test('two streams are merged; the number of sessions is given as a range', async () => {
  const one = await write([
    inForce('strict', 'a'),
    interval(0, [dropped(3, 2)]),
    interval(1, [dropped(4, 2)]),
  ]);
  const two = await write([inForce('strict', 'a'), interval(0, [dropped(5, 1), kept(1)])]);
  const { rows, inForce: policies } = summarise([one, two], { range: whole });
  expect(rows).toEqual([
    expect.objectContaining({ treatment: 'drop', count: 12, sessionsAtLeast: 2, sessionsAtMost: 5 }),
    expect.objectContaining({ treatment: 'keep', count: 1, sessionsAtLeast: 1, sessionsAtMost: 1 }),
  ]);
  expect(policies.map(({ stream, policy }) => [stream, policy])).toEqual(
    expect.arrayContaining([
      [one.stream, 'strict'],
      [two.stream, 'strict'],
    ]),
  );
});

test('a range takes the intervals that overlap it, and names what was in force in them', async () => {
  const written = await write([
    inForce('balanced', 'b'),
    interval(0, [kept(1)]),
    inForce('strict', 'a'),
    interval(1, [dropped(2, 1)]),
    interval(2, [dropped(4, 1)]),
  ]);
  const from = Date.UTC(2026, 10, 29, 10, 1);
  const { rows, inForce: policies } = summarise([written], { range: { from, to: from + 60_000 } });
  expect(rows).toEqual([expect.objectContaining({ treatment: 'drop', count: 2 })]);
  expect(policies).toEqual([expect.objectContaining({ policy: 'strict' })]);
});

test('an interval without a decision has its policy, too', async () => {
  const [from, to] = [10, 11].map((hour) => new Date(Date.UTC(2026, 10, 30, hour)).toISOString());
  const written = await write([inForce('balanced', 'b'), { kind: 'idle', from: from!, to: to! }]);
  const range = { from: Date.parse(from!), to: Date.parse(to!) };
  expect(summarise([written], { range }).inForce).toMatchObject([{ policy: 'balanced' }]);
  expect(summarise([written], { range: { from: range.to, to: Infinity } }).inForce).toEqual([]);
});

test('what is in force is known without the files before, and is named once with them', async () => {
  const stream = randomStream();
  const sink = new MemorySink();
  const writer = openMemoryLedger(keys, stream, sink);
  const shown = { ...program, policy: 'strict', profilesDigest: 'p'.repeat(43) };
  await writer.append([
    { kind: 'opened', format: 1, stream, ...program },
    { ...inForce('strict', 'a'), profilesDigest: shown.profilesDigest },
  ]);
  sink.isFull = true;
  await writer.append([interval(0, [dropped(3, 2)])]);
  const whole = sink.files.map((lines) => ({ stream, lines }));
  for (const files of [whole, whole.slice(1)])
    expect(summarise(files, { range: { from: 0, to: Infinity }, policyDigest: 'aaaa' })).toMatchObject({
      inForce: [shown],
      rows: [{ count: 3 }],
    });
});

test('two policies are compared by the beginning of their digests', async () => {
  const written = await write([
    inForce('balanced', 'b'),
    interval(0, [kept(7)]),
    inForce('strict', 'a'),
    interval(1, [dropped(2, 1)]),
  ]);
  const [before, after] = ['bbbbbbbb', 'aaaaaaaa'].map((policyDigest) =>
    summarise([written], { range: whole, policyDigest }),
  );
  expect(compareSummaries(before!, after!)).toEqual([
    {
      gatekeeper: 'main',
      audience: 'gatekeeper',
      field: 'chat-state',
      treatment: 'drop',
      mode: 'enforced',
      before: 0,
      after: 2,
    },
    {
      gatekeeper: 'main',
      audience: 'gatekeeper',
      field: 'chat-state',
      treatment: 'keep',
      mode: 'enforced',
      before: 7,
      after: 0,
    },
  ]);
});

test('gaps and what was not kept apart are in the summary of the range that they touch', async () => {
  const time = { from: '2026-11-29T10:00:00.000Z', to: '2026-11-29T10:05:00.000Z' };
  const written = await write([
    { kind: 'gap', ...time, cause: 'ENOSPC', attempts: 2 },
    { kind: 'overflow', ...time, decisions: 9 },
  ]);
  expect(summarise([written], { range: whole })).toMatchObject({ gaps: [{ cause: 'ENOSPC' }], overflow: 9 });
  expect(summarise([written], { range: { from: 0, to: 1 } })).toMatchObject({ gaps: [], overflow: 0 });
});
