/** A stream of the ledger in a folder: the next file when one is full, and which old files are removed. */
import type { RecordBody } from './body.ts';
import {
  GrowingFile,
  readFileEnd,
  removeLedgerFile,
  statLedgerFiles,
  type LedgerFileState,
} from './files.ts';
import { noHash } from './record.ts';
import type { LedgerSink } from './writer.ts';

export interface LedgerFolderOptions {
  readonly folder: string;
  readonly stream: string;
  /** Bytes after which the next file begins. */
  readonly fileBytes: number;
  /** Milliseconds after which the next file begins. */
  readonly fileAgeMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How much of a ledger is kept. */
export interface Retention {
  /** Bytes of all files of the folder together. */
  readonly keepBytes: number;
  /** Milliseconds since a file was last written. */
  readonly keepMs: number;
}

/** A file whose stream has no later one may still be in use by another process until it was idle for this long. */
const idleMs = 3_600_000;

export class LedgerFolder implements LedgerSink {
  readonly #options: LedgerFolderOptions;
  #current: GrowingFile;
  #file = 1;
  #openedAt: number;

  private constructor(options: LedgerFolderOptions, first: GrowingFile) {
    this.#options = options;
    this.#current = first;
    this.#openedAt = options.now();
  }

  /** Creates the first file of a stream.
   *  @throws the file system's error */
  static async open(options: LedgerFolderOptions): Promise<LedgerFolder> {
    return new LedgerFolder(options, await GrowingFile.create(options.folder, options.stream, 1));
  }

  get isFull(): boolean {
    const { fileBytes, fileAgeMs, now } = this.#options;
    if (this.#current.bytes === 0) return false;
    return this.#current.bytes >= fileBytes || now() - this.#openedAt >= fileAgeMs;
  }

  append(batch: string): Promise<void> {
    return this.#current.append(batch);
  }

  async rotate(): Promise<number> {
    const { folder, stream, now } = this.#options;
    const next = await GrowingFile.create(folder, stream, this.#file + 1);
    await this.#current.close();
    this.#current = next;
    this.#file += 1;
    this.#openedAt = now();
    return this.#file;
  }

  close(): Promise<void> {
    return this.#current.close();
  }

  /** Returns the files that retention has to remove, oldest first, each with the record that says so. The record is
   *  written before its file is removed.
   *  @throws the file system's error */
  async expired({ keepBytes, keepMs }: Retention): Promise<readonly ExpiredFile[]> {
    const { folder, now } = this.#options;
    const files = (await statLedgerFiles(folder)).toSorted(
      (left, right) => left.modifiedAt - right.modifiedAt,
    );
    const expired: ExpiredFile[] = [];
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      const isOld = now() - file.modifiedAt > keepMs;
      if (!isOld && bytes <= keepBytes) continue;
      if (this.#isInUse(file, files)) continue;
      expired.push(await this.#expire(file));
      bytes -= file.bytes;
    }
    return expired;
  }

  #isInUse(file: LedgerFileState, files: readonly LedgerFileState[]): boolean {
    const { stream, now } = this.#options;
    if (file.stream === stream && file.file === this.#file) return true;
    if (files.some((other) => other.stream === file.stream && other.file > file.file)) return false;
    return now() - file.modifiedAt < idleMs;
  }

  async #expire(file: LedgerFileState): Promise<ExpiredFile> {
    const { folder } = this.#options;
    const end = await readFileEnd(folder, file);
    const { stream, file: number } = file;
    const { n: lastRecord, hash: lastHash } = end?.position ?? { n: 0, hash: noHash };
    return {
      record: { kind: 'retired', stream, file: number, lastRecord, lastHash },
      remove: () => removeLedgerFile(folder, file),
    };
  }
}

export interface ExpiredFile {
  readonly record: RecordBody;
  remove(): Promise<void>;
}

/** Returns what the `opened` record says of the stream before it: the end of the file that was written last.
 *  @returns undefined in an empty folder
 *  @throws the file system's error */
export async function previousStream(
  folder: string,
): Promise<Extract<RecordBody, { kind: 'opened' }>['previous'] | undefined> {
  const files = (await statLedgerFiles(folder)).toSorted((left, right) => right.modifiedAt - left.modifiedAt);
  for (const file of files) {
    const end = await readFileEnd(folder, file);
    if (end !== undefined) return { stream: file.stream, ...end.position, tornBytes: end.tornBytes };
  }
  return undefined;
}
