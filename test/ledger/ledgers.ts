/** Ledgers in memory and on disk for tests. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { InForce, Program, RecordBody } from '../../src/ledger/body.ts';
import {
  createCheckpointSigner,
  createCheckpointVerifier,
  type CheckpointSigner,
  type CheckpointVerifier,
} from '../../src/ledger/checkpoint.ts';
import { listLedgerFiles } from '../../src/ledger/files.ts';
import { splitLines } from '../../src/ledger/lines.ts';
import type { StreamFile } from '../../src/ledger/verify.ts';
import { LedgerWriter, type LedgerSink } from '../../src/ledger/writer.ts';

export interface LedgerKeys {
  readonly signer: CheckpointSigner;
  readonly verifier: CheckpointVerifier;
}

export function createLedgerKeys(): LedgerKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { signer: createCheckpointSigner(privateKey), verifier: createCheckpointVerifier(publicKey) };
}

/** A sink that keeps the lines of each file, and fails while `failsWith` is set. */
export class MemorySink implements LedgerSink {
  readonly files: string[][] = [[]];
  failsWith: string | undefined;
  isFull = false;

  async append(batch: string): Promise<void> {
    if (this.failsWith !== undefined) throw Object.assign(new Error('fails'), { code: this.failsWith });
    this.files.at(-1)!.push(...batch.split(/(?<=\n)/));
  }

  async rotate(): Promise<number> {
    this.isFull = false;
    return this.files.push([]);
  }

  async close(): Promise<void> {}
}

export const program: Program = { version: '0.1.0', build: 'u'.repeat(43) };

export function randomStream(): string {
  return randomBytes(8).toString('hex');
}

export function openMemoryLedger(
  { signer }: LedgerKeys,
  stream: string,
  sink = new MemorySink(),
): LedgerWriter {
  let now = Date.UTC(2026, 10, 29);
  return new LedgerWriter({ stream, program, sink, signer, now: () => (now += 1_000), changed: () => {} });
}

/** Makes a record of a policy in force. @param digit fills its digest */
export function inForce(policy: string, digit: string): InForce {
  return {
    kind: 'in-force',
    gatekeeper: 'main',
    policy,
    policyDigest: digit.repeat(43),
    mode: 'enforce',
    catalogueDigest: 'c'.repeat(43),
  };
}

export function exposureOf(count: number): RecordBody {
  return {
    kind: 'exposure',
    gatekeeper: 'main',
    from: '2026-11-29T10:00:00.000Z',
    to: '2026-11-29T10:01:00.000Z',
    rows: [
      {
        audience: 'gatekeeper',
        field: 'chat-state',
        treatment: 'drop',
        mode: 'enforced',
        count,
        bytes: 91,
        sessions: 1,
      },
    ],
  };
}

/** Returns files of lines as what the verification reads. */
export function asFiles(stream: string, files: readonly (readonly string[])[]): StreamFile[] {
  return files.map((lines, index) => ({
    name: `${stream}-${String(index + 1).padStart(6, '0')}.ledger`,
    stream,
    file: index + 1,
    async *lines() {
      yield* lines;
    },
  }));
}

/** Returns the files of a folder as what the verification reads. */
export async function filesOf(folder: string): Promise<StreamFile[]> {
  return (await listLedgerFiles(folder)).map((file) => ({
    ...file,
    lines: () => splitLines(createReadStream(join(folder, file.name))),
  }));
}
