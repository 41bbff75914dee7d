import { appendFile, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RecordBody, Retired } from '../../src/ledger/body.ts';
import { LedgerFolder, previousStream } from '../../src/ledger/folder.ts';
import { renderRecord, type LedgerRecord } from '../../src/ledger/record.ts';
import { readRetired, RetiredFiles, retiredStreamsMax } from '../../src/ledger/retired.ts';
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
  {
    fileBytes = 1e6,
    stream = randomStream(),
    retired = [],
  }: { fileBytes?: number; stream?: string; retired?: readonly Retired[] } = {},
): Promise<{ writer: LedgerWriter; sink: LedgerFolder; stream: string }> {
  const now = Date.now;
  const sink = await LedgerFolder.open({ folder, stream, fileBytes, fileAgeMs: 1e9, now });
  const writer = new LedgerWriter({
    stream,
    program,
    retired,
    sink,
    signer: keys.signer,
    now,
    changed: () => {},
  });
  const previous = await previousStream(folder);
  await writer.append([
    { kind: 'opened', format: 1, stream, ...program, ...(previous === undefined ? {} : { previous }) },
    ...retired,
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

/** Writes batches, and removes files beyond some bytes after each, as a process with a small `keepBytesMax` does. */
async function writeAndRetire(folder: string, batches: number): Promise<LedgerWriter> {
  const retired = await readRetired(folder);
  const { writer, sink } = await openLedger(folder, { fileBytes: 500, retired });
  for (let count = 0; count < batches; count += 1) {
    await writer.append([exposureOf(count)]);
    const expired = await sink.expired({ keepBytes: 4_000, keepMs: 1e9 });
    if (expired.length > 0) await writer.append(expired.map(({ record }) => record));
    for (const file of expired) await file.remove();
  }
  return writer;
}

test('removed files stay explained, however often retention removes the record of it', async () => {
  await using folder = await temporaryFolder();
  const first = await writeAndRetire(folder.path, 25);
  const files = await filesOf(folder.path);
  expect(Math.min(...files.map(({ file }) => file))).toBeGreaterThan(10);
  expect((await verifyLedger(files, keys)).findings).toEqual([]);
  await first.close();
  // The next process knows of files that it has not removed itself.
  await (await writeAndRetire(folder.path, 25)).close();
  expect((await verifyLedger(await filesOf(folder.path), keys)).findings).toEqual([]);
});

test('a file that is missing among those that are left is found', async () => {
  await using folder = await temporaryFolder();
  await (await writeAndRetire(folder.path, 25)).close();
  const files = await filesOf(folder.path);
  const without = files.filter((_, index) => index !== 1);
  const codes = (await verifyLedger(without, keys)).findings.map(({ code }) => code);
  expect(codes).toContain('missing-file');
});

test('the first file that is left follows the last one that was removed', async () => {
  await using folder = await temporaryFolder();
  await (await writeAndRetire(folder.path, 25)).close();
  const files = await filesOf(folder.path);
  const [first] = files;
  const text = await readFile(join(folder.path, first!.name), 'utf8');
  const line = text.slice(0, text.indexOf('\n'));
  const { n, prev: _, hash: __, at, ...body } = JSON.parse(line) as LedgerRecord;
  const forged = renderRecord({ n: n - 1, hash: 'f'.repeat(43) }, Date.parse(at), body as RecordBody);
  await writeFile(join(folder.path, first!.name), text.replace(`${line}\n`, forged.line));
  const findings = (await verifyLedger(await filesOf(folder.path), keys)).findings;
  expect(findings).toContainEqual(
    expect.objectContaining({ code: 'unchained', file: first!.name, records: [n, n] }),
  );
});

test('of more streams than are remembered the oldest are forgotten', () => {
  const record = (index: number): Retired => ({
    kind: 'retired',
    stream: index.toString(16).padStart(16, '0'),
    file: 1,
    lastRecord: 1,
    lastHash: 'a'.repeat(43),
  });
  const known = Array.from({ length: retiredStreamsMax + 5 }, (_, index) => record(index));
  const records = new RetiredFiles(known).records();
  expect(records).toHaveLength(retiredStreamsMax);
  expect(records[0]).toEqual(record(5));
});

test('a file without a record, which a killed process leaves, hides nothing that was removed before', async () => {
  await using folder = await temporaryFolder();
  const writer = await writeAndRetire(folder.path, 25);
  const { stream } = writer.head;
  const last = (await filesOf(folder.path)).at(-1)!;
  const next = (file: number): string =>
    join(folder.path, `${stream}-${String(file).padStart(6, '0')}.ledger`);
  await writeFile(next(last.file + 1), '');
  await writeFile(next(last.file + 2), '{"n":9,"prev":"');
  await (await writeAndRetire(folder.path, 40)).close();
  const { findings } = await verifyLedger(await filesOf(folder.path), keys);
  expect(findings).toEqual([]);
});
