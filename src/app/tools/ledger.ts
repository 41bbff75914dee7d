/** Reads a folder of ledger files for `narthex ledger`. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { readRegularFile, streamRegularFile, whyOf } from '../../documents/read.ts';
import { Refusal } from '../../errors/refusal.ts';
import { createCheckpointVerifier, type CheckpointVerifier } from '../../ledger/checkpoint.ts';
import { listLedgerFiles } from '../../ledger/files.ts';
import { splitLines } from '../../ledger/lines.ts';
import { LedgerSummariser, type LedgerSummary, type SummaryOptions } from '../../ledger/summary.ts';
import { verifyLedger, type LedgerVerification, type StreamFile } from '../../ledger/verify.ts';
import type { Head } from '../../ledger/writer.ts';

/** Why a folder or a key cannot be used. */
export class LedgerUnusable extends Refusal<'ERR_LEDGER_FOLDER' | 'ERR_LEDGER_KEY'> {
  override readonly name = 'LedgerUnusable';
}

export interface ReadLedgerOptions {
  readonly folder: string;
  /** PEM file of the public key, or of the private one. Without it signatures are not checked. */
  readonly keyFile?: string | undefined;
  readonly head?: Head | undefined;
  /** A summary is made for each of them. */
  readonly summaries: readonly SummaryOptions[];
}

export interface ReadLedger {
  readonly verification: LedgerVerification;
  readonly summaries: readonly LedgerSummary[];
}

/** Reads a ledger once: verifies it and sums it up.
 *  @throws LedgerUnusable */
export async function readLedger({
  folder,
  keyFile,
  head,
  summaries,
}: ReadLedgerOptions): Promise<ReadLedger> {
  const verifier = keyFile === undefined ? undefined : readVerifier(keyFile);
  const summarisers = summaries.map((options) => new LedgerSummariser(options));
  const verification = await verifyLedger(await filesOf(folder), {
    verifier,
    head,
    record: (stream, record) => {
      for (const each of summarisers) each.take(stream, record);
    },
  });
  return { verification, summaries: summarisers.map((each) => each.summary()) };
}

async function filesOf(folder: string): Promise<readonly StreamFile[]> {
  let files;
  try {
    files = await listLedgerFiles(folder);
  } catch {
    throw new LedgerUnusable('ERR_LEDGER_FOLDER', `${folder} is no folder that can be read`);
  }
  if (files.length === 0) throw new LedgerUnusable('ERR_LEDGER_FOLDER', `${folder} has no file of a ledger`);
  return files.map((file) => ({
    ...file,
    lines: () => splitLines(readParts(join(folder, file.name))),
  }));
}

async function* readParts(path: string): AsyncGenerator<Buffer> {
  try {
    yield* streamRegularFile(path);
  } catch (error) {
    throw new LedgerUnusable('ERR_LEDGER_FOLDER', `${path} cannot be read (${whyOf(error)})`);
  }
}

function readVerifier(keyFile: string): CheckpointVerifier {
  let pem: Buffer;
  try {
    pem = readRegularFile(keyFile);
  } catch (error) {
    throw new LedgerUnusable('ERR_LEDGER_KEY', `${keyFile} cannot be read (${whyOf(error)})`);
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new LedgerUnusable('ERR_LEDGER_KEY', `${keyFile} has no key in PEM form`);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new LedgerUnusable('ERR_LEDGER_KEY', `the key in ${keyFile} is not of the kind Ed25519`);
  return createCheckpointVerifier(key);
}
