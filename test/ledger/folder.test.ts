import { appendFile, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LedgerFolder, previousStream } from '../../src/ledger/folder.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';
import { LedgerWriter, type LedgerFailure } from '../../src/ledger/writer.ts';
import { temporaryFolder } from '../support/temporary.ts';
import {
  createLedgerKeys,
  exposureOf,
  filesOf,
  MemorySink,
  openMemoryLedger,
  program,
  randomStream,
} from './ledgers.ts';

const keys = createLedgerKeys();

async function openLedger(
  folder: string,
  { fileBytes = 1e6, stream = randomStream() } = {},
): Promise<{ writer: LedgerWriter; sink: LedgerFolder; stream: string }> {
  const now = Date.now;
  const sink = await LedgerFolder.open({ folder, stream, fileBytes, fileAgeMs: 1e9, now });
  const writer = new LedgerWriter({ stream, program, sink, signer: keys.signer, now, changed: () => {} });
  const previous = await previousStream(folder);
  await writer.append([
    { kind: 'opened', format: 1, stream, ...program, ...(previous === undefined ? {} : { previous }) },
  ]);
  return { writer, sink, stream };
}

test('two processes one after another, several files each, verify as one ledger', async () => {
  await using folder = await temporaryFolder();
  for (const _ of [1, 2]) {
    const { writer } = await openLedger(folder.path, { fileBytes: 1_500 });
    for (let count = 0; count < 8; count += 1) await writer.append([exposureOf(count)]);
    await writer.close();
  }
  const { streams, findings } = await verifyLedger(await filesOf(folder.path), keys);
  expect(findings).toEqual([]);
  expect(streams).toHaveLength(2);
  expect((await readdir(folder.path)).length).toBeGreaterThan(4);
});

test('an unfinished line of a killed process is counted, and the next stream names the end before it', async () => {
  await using folder = await temporaryFolder();
  const { writer, sink, stream } = await openLedger(folder.path);
  await writer.append([exposureOf(1)]);
  const { n } = writer.head;
  await sink.close();
  const file = join(folder.path, `${stream}-000001.ledger`);
  await appendFile(file, '{"n":5,"prev":"');
  const next = await openLedger(folder.path);
  await next.writer.close();
  const { streams, findings } = await verifyLedger(await filesOf(folder.path), keys);
  expect(findings).toEqual([]);
  expect(streams.find((each) => each.stream === stream)).toMatchObject({
    last: { n },
    tornBytes: 15,
    isClosed: false,
  });
});

test('a ledger cut at any byte keeps every whole batch before it', async () => {
  await using folder = await temporaryFolder();
  const { writer, sink, stream } = await openLedger(folder.path);
  for (let count = 0; count < 3; count += 1) await writer.append([exposureOf(count)]);
  await sink.close();
  const file = join(folder.path, `${stream}-000001.ledger`);
  const bytes = await readFile(file);
  for (let length = 0; length < bytes.length; length += 7) {
    await writeFile(file, bytes);
    await truncate(file, length);
    const whole = bytes.subarray(0, length).toString().split('\n').length - 1;
    const { streams, findings } = await verifyLedger(await filesOf(folder.path), keys);
    expect(streams[0]?.records).toBe(whole);
    expect(findings.filter(({ code }) => code !== 'unsigned-end')).toEqual([]);
  }
});

test('what fails to be written leaves a gap on record, and nothing half', async () => {
  const sink = new MemorySink();
  const stream = randomStream();
  const failures: (LedgerFailure | undefined)[] = [];
  let now = 0;
  const writer = new LedgerWriter({
    stream,
    program,
    sink,
    signer: keys.signer,
    now: () => now,
    changed: (failure) => failures.push(failure),
  });
  expect(await writer.append([{ kind: 'opened', format: 1, stream, ...program }])).toBe(true);
  sink.failsWith = 'ENOSPC';
  now = 60_000;
  expect(await writer.append([exposureOf(1)])).toBe(false);
  now = 120_000;
  expect(await writer.append([exposureOf(2)])).toBe(false);
  sink.failsWith = undefined;
  now = 180_000;
  expect(await writer.append([exposureOf(3)])).toBe(true);
  expect(failures).toEqual([
    { since: 60_000, cause: 'ENOSPC', attempts: 1 },
    { since: 60_000, cause: 'ENOSPC', attempts: 2 },
    undefined,
  ]);
  const kinds = sink.files.flat().map((line) => JSON.parse(line) as { kind: string });
  expect(kinds.map(({ kind }) => kind)).toEqual(['opened', 'checkpoint', 'gap', 'exposure', 'checkpoint']);
  expect(kinds[2]).toMatchObject({ from: '1970-01-01T00:01:00.000Z', cause: 'ENOSPC', attempts: 2 });
});

test('a rotation that fails is made good by the next batch', async () => {
  const sink = new MemorySink();
  const writer = openMemoryLedger(keys, randomStream(), sink);
  await writer.append([exposureOf(1)]);
  sink.isFull = true;
  sink.failsWith = 'ENOSPC';
  expect(await writer.append([exposureOf(2)])).toBe(false);
  sink.failsWith = undefined;
  expect(await writer.append([exposureOf(2)])).toBe(true);
  expect(JSON.parse(sink.files[1]![0]!)).toMatchObject({ kind: 'continued', file: 2 });
});

test('retention removes the oldest files, never one in use, and records it first', async () => {
  await using folder = await temporaryFolder();
  const { writer, sink, stream } = await openLedger(folder.path, { fileBytes: 400 });
  for (let count = 0; count < 4; count += 1) await writer.append([exposureOf(count)]);
  for (const [index, name] of (await readdir(folder.path)).toSorted().entries())
    await utimes(join(folder.path, name), new Date(), new Date(Date.now() - 100_000 + index * 1_000));
  const expired = await sink.expired({ keepBytes: 2_000, keepMs: 1e9 });
  expect(expired.length).toBeGreaterThan(0);
  await writer.append(expired.map(({ record }) => record));
  for (const { remove } of expired) await remove();
  await writer.close();
  const names = (await readdir(folder.path)).toSorted();
  expect(names).not.toContain(`${stream}-000001.ledger`);
  expect((await verifyLedger(await filesOf(folder.path), keys)).findings).toEqual([]);
});
