import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { renderRecord } from '../../src/ledger/record.ts';
import { verifyLedger, type Finding } from '../../src/ledger/verify.ts';
import {
  asFiles,
  createLedgerKeys,
  exposureOf,
  MemorySink,
  openMemoryLedger,
  program,
  randomStream,
} from './ledgers.ts';

const keys = createLedgerKeys();
const { verifier } = keys;

/** Writes a stream of `batches` batches; a new file begins before each number in `rotations`. */
async function write(
  batches: number,
  rotations: readonly number[] = [],
): Promise<{ stream: string; files: string[][] }> {
  const stream = randomStream();
  const sink = new MemorySink();
  const writer = openMemoryLedger(keys, stream, sink);
  await writer.append([{ kind: 'opened', format: 1, stream, ...program }]);
  for (let batch = 1; batch <= batches; batch += 1) {
    sink.isFull = rotations.includes(batch);
    await writer.append([exposureOf(batch), exposureOf(batch + 1)]);
  }
  await writer.close();
  return { stream, files: sink.files };
}

async function findingsOf(
  stream: string,
  files: readonly (readonly string[])[],
): Promise<readonly Finding[]> {
  return (await verifyLedger(asFiles(stream, files), { verifier })).findings;
}

describe('a ledger as it was written', () => {
  test('has no finding, over several files', async () => {
    const { stream, files } = await write(6, [3, 5]);
    const { streams, findings } = await verifyLedger(asFiles(stream, files), { verifier });
    expect(findings).toEqual([]);
    expect(files).toHaveLength(3);
    expect(streams).toMatchObject([
      { stream, first: 1, records: 24, checkpoints: 8, isClosed: true, tornBytes: 0 },
    ]);
  });

  test('begins later when retention has removed a file, and a record says so', async () => {
    const { stream, files } = await write(6, [3]);
    const removed = JSON.parse(files[0]!.at(-1)!) as { n: number; hash: string };
    const other = randomStream();
    const sink = new MemorySink();
    const writer = openMemoryLedger(keys, other, sink);
    await writer.append([
      { kind: 'opened', format: 1, stream: other, ...program },
      { kind: 'retired', stream, file: 1, lastRecord: removed.n, lastHash: removed.hash },
    ]);
    const left = asFiles(stream, files).slice(1);
    const { findings } = await verifyLedger([...left, ...asFiles(other, sink.files)], { verifier });
    expect(findings).toEqual([]);
    expect((await verifyLedger(left, { verifier })).findings.map(({ code }) => code)).toEqual([
      'missing-file',
    ]);
  });
});

/** A change of one line, and the codes that may name it. */
const changes: Readonly<
  Record<string, { readonly codes: readonly string[]; readonly apply: (lines: string[], at: number) => void }>
> = {
  'a flipped bit': {
    codes: ['changed', 'malformed'],
    apply: (lines, at) => {
      const bytes = Buffer.from(lines[at]!);
      const index = Math.floor(bytes.length / 2);
      bytes[index] = bytes[index]! ^ 1;
      lines[at] = bytes.toString('latin1');
    },
  },
  'a deleted record': {
    codes: ['missing'],
    apply: (lines, at) => void lines.splice(at, 1),
  },
  'a record inserted twice': {
    codes: ['out-of-order'],
    apply: (lines, at) => void lines.splice(at + 1, 0, lines[at]!),
  },
  'two records in the other order': {
    codes: ['missing'],
    apply: (lines, at) => void lines.splice(at, 2, lines[at + 1]!, lines[at]!),
  },
};

describe.each(Object.entries(changes))('%s', (_, { codes, apply }) => {
  test('is found in its line, wherever it is', async () => {
    const { stream, files } = await write(5);
    const lines = files[0]!;
    // The last record is the checkpoint of the end; what follows the last checkpoint needs a head.
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: lines.length - 3 }), async (at) => {
        const changed = [...lines];
        apply(changed, at);
        const [first] = await findingsOf(stream, [changed]);
        expect(codes).toContain(first?.code);
        expect([at + 1, at + 2]).toContain(first?.line);
      }),
      { numRuns: 30 },
    );
  });
});

test('a record that was written anew with a right hash of its own is found by the one after it', async () => {
  const { stream, files } = await write(5);
  const lines = files[0]!;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: lines.length - 2 }), async (at) => {
      const { n, prev, at: written } = JSON.parse(lines[at]!) as { n: number; prev: string; at: string };
      const forged = renderRecord({ n: n - 1, hash: prev }, Date.parse(written), exposureOf(1_000));
      const changed = [...lines];
      changed[at] = forged.line;
      const [first] = await findingsOf(stream, [changed]);
      expect(first).toMatchObject({ line: at + 2, records: [n, n + 1] });
    }),
    { numRuns: 30 },
  );
});

test('any flipped bit of any byte is found in its line', async () => {
  const { stream, files } = await write(2);
  const text = files[0]!.join('');
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length - 1), fc.nat(6), async (index, bit) => {
      const bytes = Buffer.from(text);
      const line = text.slice(0, index).split('\n').length;
      bytes[index] = bytes[index]! ^ (1 << bit);
      const lines = bytes.toString('latin1').split(/(?<=\n)/);
      const [first] = await findingsOf(stream, [lines]);
      expect(first?.line).toBe(line);
    }),
    { numRuns: 300 },
  );
});

test('a stream whose hashes were all made anew has no good signature from there on', async () => {
  const { stream } = await write(1);
  const forger = createLedgerKeys();
  const sink = new MemorySink();
  const writer = openMemoryLedger(forger, stream, sink);
  await writer.append([{ kind: 'opened', format: 1, stream, ...program }, exposureOf(99)]);
  await writer.close();
  const codes = (await findingsOf(stream, sink.files)).map(({ code }) => code);
  expect(new Set(codes)).toEqual(new Set(['unknown-key']));
  const claimed = sink.files.map((lines) =>
    lines.map((line) => line.replaceAll(forger.verifier.key, verifier.key)),
  );
  expect((await findingsOf(stream, claimed)).length).toBeGreaterThan(0);
});

describe('truncation', () => {
  test('within a batch is found: records without a checkpoint', async () => {
    const { stream, files } = await write(3);
    expect(await findingsOf(stream, [files[0]!.slice(0, -1)])).toMatchObject([{ code: 'unsigned-end' }]);
  });

  test('after a checkpoint is found against a head kept elsewhere', async () => {
    const { stream, files } = await write(3);
    const { n, hash } = JSON.parse(files[0]!.at(-1)!) as { n: number; hash: string };
    const head = { stream, n, hash };
    const shorter = asFiles(stream, [files[0]!.slice(0, -5)]);
    expect((await verifyLedger(shorter, { verifier })).findings).toEqual([]);
    expect((await verifyLedger(shorter, { verifier, head })).findings).toMatchObject([
      { code: 'short-of-head', records: [n - 4, n] },
    ]);
    expect((await verifyLedger(asFiles(stream, files), { verifier, head })).findings).toEqual([]);
    expect((await verifyLedger([], { verifier, head })).findings).toMatchObject([{ code: 'missing-stream' }]);
  });

  test('is found against the stream of the next process, which names the end of this one', async () => {
    const { stream, files } = await write(2);
    const { n, hash } = JSON.parse(files[0]!.at(-1)!) as { n: number; hash: string };
    const next = randomStream();
    const sink = new MemorySink();
    const previous = { stream, n, hash, tornBytes: 0 };
    await openMemoryLedger(keys, next, sink).append([
      { kind: 'opened', format: 1, stream: next, ...program, previous },
    ]);
    const both = (lines: readonly string[]): Promise<readonly Finding[]> =>
      verifyLedger([...asFiles(stream, [lines]), ...asFiles(next, sink.files)], { verifier }).then(
        ({ findings }) => findings,
      );
    expect(await both(files[0]!)).toEqual([]);
    expect(await both(files[0]!.slice(0, -2))).toMatchObject([{ code: 'short-of-head' }]);
    expect((await verifyLedger(asFiles(next, sink.files), { verifier })).findings).toMatchObject([
      { code: 'missing-stream', stream },
    ]);
  });
});
