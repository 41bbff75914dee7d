import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffCommand, showCommand, verifyCommand } from '../../src/cli/ledger.ts';
import { createCheckpointSigner } from '../../src/ledger/checkpoint.ts';
import { LedgerFolder } from '../../src/ledger/folder.ts';
import type { RecordBody } from '../../src/ledger/body.ts';
import { LedgerWriter } from '../../src/ledger/writer.ts';
import { exposureOf, inForce, program, randomStream } from '../ledger/ledgers.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { memoryIo } from './memory-io.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

interface Ledger extends AsyncDisposable {
  readonly folder: string;
  readonly key: string;
  readonly head: string;
  readonly file: string;
}

async function writeLedger(bodies: readonly RecordBody[]): Promise<Ledger> {
  const folder: TemporaryFolder = await temporaryFolder();
  const key = await folder.write('key.pem', publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const stream = randomStream();
  const sink = await LedgerFolder.open({
    folder: folder.path,
    stream,
    fileBytes: 1e6,
    fileAgeMs: 1e9,
    now: Date.now,
  });
  const signer = createCheckpointSigner(privateKey);
  const writer = new LedgerWriter({ stream, program, sink, signer, now: Date.now, changed: () => {} });
  await writer.append([{ kind: 'opened', format: 1, stream, ...program }, ...bodies]);
  await writer.close();
  const { n, hash } = writer.head;
  return {
    folder: folder.path,
    key,
    head: `${stream}:${n}:${hash}`,
    file: join(folder.path, `${stream}-000001.ledger`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const history = [inForce('balanced', 'b'), exposureOf(3), inForce('strict', 'a')];

describe('narthex ledger verify', () => {
  test('says that a ledger is whole, and prints its head', async () => {
    await using ledger = await writeLedger(history);
    const io = memoryIo({});
    expect(
      await verifyCommand(ledger.folder, { key: ledger.key, head: ledger.head, format: 'text' }, io),
    ).toBe(0);
    expect(io.output).toBe(`${ledger.head}  7 records, 2 checkpoints\nwhole\n`);
  });

  test('names file, line and record of a change', async () => {
    await using ledger = await writeLedger(history);
    const text = await readFile(ledger.file, 'utf8');
    await writeFile(ledger.file, text.replace('"count":3', '"count":2'));
    const io = memoryIo({});
    expect(await verifyCommand(ledger.folder, { key: ledger.key, format: 'text' }, io)).toBe(1);
    expect(io.output).toMatch(/-000001\.ledger:3: changed: record 3: the record was changed/);
    expect(io.output).not.toContain('whole');
  });

  test('prints no head for a file of other bytes', async () => {
    await using folder = await temporaryFolder();
    await folder.write('0123456789abcdef-000001.ledger', 'no record\n');
    const io = memoryIo({});
    expect(await verifyCommand(folder.path, { format: 'text' }, io)).toBe(1);
    expect(io.output).toMatch(/^0123456789abcdef  0 records/);
    expect(io.output).toContain('malformed: record 1');
  });

  test('says when signatures were not checked', async () => {
    await using ledger = await writeLedger([]);
    const io = memoryIo({});
    expect(await verifyCommand(ledger.folder, { format: 'text' }, io)).toBe(0);
    expect(io.output).toContain('2 checkpoints not verified: no --key');
  });

  test.each([
    ['ERR_OPTION', { head: 'somewhere' }],
    ['ERR_LEDGER_KEY', { key: import.meta.filename }],
    ['ERR_LEDGER_KEY', { key: '/nowhere' }],
  ])('refuses with %s', async (code, options) => {
    await using ledger = await writeLedger([]);
    const refused = verifyCommand(ledger.folder, { format: 'text', ...options }, memoryIo({}));
    await expect(refused.catch((error: unknown) => error)).resolves.toSatisfy((error: unknown) =>
      JSON.stringify([error, (error as Error).message]).includes(code),
    );
  });

  test('says that a file with a key cannot be read', async () => {
    await using ledger = await writeLedger([]);
    const refused = verifyCommand(ledger.folder, { format: 'text', key: '/nowhere' }, memoryIo({}));
    await expect(refused).rejects.toThrow('/nowhere cannot be read (ENOENT)');
  });

  test('refuses what has the name of a file and is none', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, '00000000000000aa-000001.ledger');
    const refusal = (reason: string): object => ({
      code: 'ERR_LEDGER_FOLDER',
      message: expect.stringContaining(`${file} cannot be read (${reason})`) as string,
    });
    const verify = (): Promise<number> => verifyCommand(folder.path, { format: 'text' }, memoryIo({}));
    await mkdir(file);
    await expect(verify()).rejects.toMatchObject(refusal('not a regular file'));
    await rmdir(file);
    await symlink(join(folder.path, 'removed'), file);
    await expect(verify()).rejects.toMatchObject(refusal('ENOENT'));
    await unlink(file);
    spawnSync('mkfifo', [file]);
    await expect(verify()).rejects.toMatchObject(refusal('not a regular file'));
  });

  test('refuses a folder without a ledger', async () => {
    await using folder = await temporaryFolder();
    for (const path of [folder.path, join(folder.path, 'none')])
      await expect(verifyCommand(path, { format: 'text' }, memoryIo({}))).rejects.toMatchObject({
        code: 'ERR_LEDGER_FOLDER',
      });
  });
});

test('narthex ledger show prints what was in force and what was shown', async () => {
  await using ledger = await writeLedger(history);
  const io = memoryIo({});
  expect(await showCommand(ledger.folder, { format: 'text', policy: 'bbbb' }, io)).toBe(0);
  expect(io.output).toContain(
    'main: policy balanced bbbbbbbbbbbb, enforce, catalogue cccccccccccc, no profiles, version 0.1.0 build uuuuuuuuuuuu',
  );
  expect(io.output).toMatch(/^main +gatekeeper +chat-state +drop +enforced +3 +91 +1$/m);
  expect(io.output).not.toContain('strict');
  const none = memoryIo({});
  await showCommand(ledger.folder, { format: 'json', to: '2026-11-29T10:00Z' }, none);
  expect(JSON.parse(none.output)).toMatchObject({ rows: [], findings: [] });
});

test('narthex ledger diff lists what occurred under one of two policies only', async () => {
  await using ledger = await writeLedger(history);
  const io = memoryIo({});
  expect(await diffCommand(ledger.folder, { format: 'json', between: ['bbbb', 'aaaa'] }, io)).toBe(1);
  expect(JSON.parse(io.output)).toMatchObject({ changes: [{ field: 'chat-state', before: 3, after: 0 }] });
  const same = memoryIo({});
  expect(await diffCommand(ledger.folder, { format: 'text', between: ['aaaa', 'aaaa'] }, same)).toBe(0);
  await expect(
    diffCommand(ledger.folder, { format: 'text', between: ['aaaa'] }, memoryIo({})),
  ).rejects.toThrow(/two policies/);
});

test('narthex ledger takes every digest as it prints it', async () => {
  const [before, after] = ['-_Zz', 'x72r'].map((digest) => ({
    ...inForce(digest, 'a'),
    policyDigest: digest.padEnd(43, 'U'),
  }));
  await using ledger = await writeLedger([before!, exposureOf(3), after!]);
  const io = memoryIo({});
  await showCommand(ledger.folder, { format: 'text' }, io);
  const printed = [...io.output.matchAll(/: policy (\S+) (\S+), enforce/g)].map((found) => found[2]!);
  expect(printed).toEqual([before, after].map((body) => body!.policyDigest.slice(0, 12)));
  const compared = memoryIo({});
  await diffCommand(ledger.folder, { format: 'json', between: printed }, compared);
  expect(JSON.parse(compared.output)).toMatchObject({ changes: [{ before: 3, after: 0 }] });
});
