/** The exposure ledger of this process: opened with its key, written by interval, ended in order. */
import { createPrivateKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { readRegularFile, whyOf } from '../../documents/read.ts';
import type { InForce, RecordBody } from '../../ledger/body.ts';
import { createCheckpointSigner } from '../../ledger/checkpoint.ts';
import { LedgerFolder, previousStream } from '../../ledger/folder.ts';
import { Intervals, type ExposureSource } from '../../ledger/intervals.ts';
import { readRetired } from '../../ledger/retired.ts';
import { LedgerWriter, type Head, type LedgerFailure } from '../../ledger/writer.ts';
import { SetupError, systemCode } from '../../transport/error.ts';
import type { Part } from '../part.ts';
import { program } from '../version.ts';

export type LedgerConfig = NonNullable<Config['ledger']>;

export interface LedgerOptions {
  readonly source: ExposureSource;
  /** Returns what is in force, by gatekeeper. */
  readonly inForce: () => readonly InForce[];
  /** Writing began to fail, or works again (undefined). */
  readonly report: (failure: LedgerFailure | undefined) => void;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

export class Ledger implements Part {
  readonly #config: LedgerConfig;
  readonly #folder: LedgerFolder;
  readonly #writer: LedgerWriter;
  readonly #intervals: Intervals;
  readonly #timer: NodeJS.Timeout;
  /** Intervals end one after another. */
  #last: Promise<unknown> = Promise.resolve();

  /** Reads the key, and writes the first record.
   *  @throws SetupError ERR_LEDGER_KEY_INVALID, ERR_LEDGER_UNWRITABLE */
  static async open(config: LedgerConfig, options: LedgerOptions): Promise<Ledger> {
    const signer = createCheckpointSigner(readLedgerKey(config.keyFile));
    const stream = randomBytes(8).toString('hex');
    const { recordsFolder: path, fileBytesMax: fileBytes, fileAgeMsMax: fileAgeMs } = config;
    const { now } = options;
    try {
      const previous = await previousStream(path);
      const folder = await LedgerFolder.open({ folder: path, stream, fileBytes, fileAgeMs, now });
      const retired = await readRetired(path);
      const runs = program();
      const writer = new LedgerWriter({
        stream,
        program: runs,
        retired,
        sink: folder,
        signer,
        now,
        changed: options.report,
      });
      const ledger = new Ledger(config, options, folder, writer);
      await writer.append([
        {
          kind: 'opened',
          format: 1,
          stream,
          ...runs,
          ...(previous !== undefined && { previous }),
        },
        ...retired,
      ]);
      return ledger;
    } catch (error) {
      throw new SetupError(
        'ERR_LEDGER_UNWRITABLE',
        `cannot write the ledger to ${path} (${systemCode(error)})`,
        'Create the folder, and let the process write to it',
        { role: 'folder', path },
      );
    }
  }

  private constructor(
    config: LedgerConfig,
    { source, inForce, now }: LedgerOptions,
    folder: LedgerFolder,
    writer: LedgerWriter,
  ) {
    this.#config = config;
    this.#folder = folder;
    this.#writer = writer;
    this.#intervals = new Intervals({ source, inForce, now });
    this.#timer = setInterval(() => void this.endInterval(), config.intervalMs).unref();
  }

  /** Returns whether new work must be refused because the ledger cannot be written. */
  get refuses(): boolean {
    return this.#config.whenItFails === 'refuse-new-sessions' && this.#writer.failure !== undefined;
  }

  /** Returns the end of this process's stream. */
  get head(): Head {
    return this.#writer.head;
  }

  /** undefined while writing works. */
  get failure(): LedgerFailure | undefined {
    return this.#writer.failure;
  }

  /** Ends the interval of the policies before a change. Called when policies or profiles have changed. */
  changed(): void {
    this.#intervals.turn();
  }

  /** Writes what was counted since the last record, and removes files that are too old or too many. */
  endInterval(): Promise<void> {
    const ended = this.#last.then(() => this.#endInterval());
    this.#last = ended;
    return ended;
  }

  /** Writes the last interval and the end of the stream. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.endInterval();
    await this.#writer.close();
  }

  async #endInterval(): Promise<void> {
    if (await this.#intervals.end((bodies) => this.#writer.append(bodies))) await this.#retire();
  }

  async #retire(): Promise<void> {
    const { keepBytesMax: keepBytes, keepMsMax: keepMs } = this.#config;
    let expired: Awaited<ReturnType<LedgerFolder['expired']>>;
    try {
      expired = await this.#folder.expired({ keepBytes, keepMs });
    } catch {
      // The folder cannot be listed now: nothing is removed.
      return;
    }
    const records: readonly RecordBody[] = expired.map(({ record }) => record);
    if (records.length === 0 || !(await this.#writer.append(records))) return;
    // A file that cannot be removed is found again after the next interval.
    await Promise.allSettled(expired.map((file) => file.remove()));
  }
}

/** Reads the private key.
 *  @throws SetupError ERR_LEDGER_KEY_INVALID */
export function readLedgerKey(path: string): KeyObject {
  const invalid = (why: string): SetupError =>
    new SetupError(
      'ERR_LEDGER_KEY_INVALID',
      `the ledger's key ${path} ${why}`,
      'Make one with `openssl genpkey -algorithm ed25519`',
      { role: 'key', path, line: 1, column: 1 },
    );
  let pem: Buffer;
  try {
    pem = readRegularFile(path);
  } catch (error) {
    throw invalid(`cannot be read (${whyOf(error)})`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw invalid('is no private key in PEM form without a passphrase');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw invalid('is not of the kind Ed25519');
  return key;
}
