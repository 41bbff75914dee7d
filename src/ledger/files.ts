/** Files of a ledger in a folder. A stream's files are `STREAM-000001.ledger` and so on; each is written at its end
 *  only, and each write is on disk before it counts. */
import { open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { lineBytesMax, parseRecord, type Position } from './record.ts';

/** One file of a ledger by its name. */
export interface LedgerFile {
  readonly name: string;
  readonly stream: string;
  /** Number of the file in its stream, from 1. */
  readonly file: number;
}

export interface LedgerFileState extends LedgerFile {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

const namePattern = /^([0-9a-f]{16})-(\d{6})\.ledger$/;

/** Lists the files of a folder by stream and number. Files of other names are left out.
 *  @throws the file system's error */
export async function listLedgerFiles(folder: string): Promise<LedgerFile[]> {
  const files = (await readdir(folder)).flatMap((name): LedgerFile[] => {
    const parts = namePattern.exec(name);
    return parts === null ? [] : [{ name, stream: parts[1]!, file: Number(parts[2]) }];
  });
  return files.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** The same with sizes and times. A file that is removed meanwhile is left out. */
export async function statLedgerFiles(folder: string): Promise<LedgerFileState[]> {
  const states: LedgerFileState[] = [];
  for (const file of await listLedgerFiles(folder)) {
    try {
      const { size, mtimeMs } = await stat(join(folder, file.name));
      states.push({ ...file, bytes: size, modifiedAt: mtimeMs });
    } catch {
      // Another process has applied its retention.
    }
  }
  return states;
}

/** Removes a file. One that is gone already is no error.
 *  @throws the file system's error */
export async function removeLedgerFile(folder: string, { name }: LedgerFile): Promise<void> {
  try {
    await unlink(join(folder, name));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** The last whole record of a file, and the bytes of an unfinished line after it. */
export interface FileEnd {
  readonly position: Position;
  readonly tornBytes: number;
}

/** Reads the end of a file.
 *  @returns undefined when its last bytes have no whole record
 *  @throws the file system's error */
export async function readFileEnd(folder: string, { name }: LedgerFile): Promise<FileEnd | undefined> {
  const handle = await open(join(folder, name), 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - 2 * lineBytesMax);
    const buffer = Buffer.alloc(size - start);
    await handle.read(buffer, 0, buffer.length, start);
    for (let end = buffer.lastIndexOf(10); end > 0; end = buffer.lastIndexOf(10, end - 1)) {
      const begin = buffer.lastIndexOf(10, end - 1) + 1;
      const parsed = parseRecord(buffer.toString('utf8', begin, end));
      if (parsed.kind === 'record') {
        const { n, hash } = parsed.record;
        return { position: { n, hash }, tornBytes: buffer.length - end - 1 };
      }
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

/** A file that grows by whole batches. A batch that fails leaves no byte in it. */
export class GrowingFile {
  readonly #handle: FileHandle;
  #bytes = 0;
  #dirty = false;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Creates the file, readable by its owner only.
   *  @throws the file system's error, EEXIST included */
  static async create(folder: string, stream: string, file: number): Promise<GrowingFile> {
    const name = `${stream}-${String(file).padStart(6, '0')}.ledger`;
    return new GrowingFile(await open(join(folder, name), 'wx', 0o600));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends a batch. Resolves when it is on disk.
   *  @throws the file system's error; the next batch then takes the place of this one */
  async append(batch: string): Promise<void> {
    if (this.#dirty) await this.#handle.truncate(this.#bytes);
    this.#dirty = true;
    const bytes = Buffer.from(batch);
    let written = 0;
    while (written < bytes.length) {
      const step = await this.#handle.write(bytes, written, bytes.length - written, this.#bytes + written);
      written += step.bytesWritten;
    }
    await this.#handle.datasync();
    this.#bytes += bytes.length;
    this.#dirty = false;
  }

  /** Closes the file; what a failed batch left is cut off. */
  async close(): Promise<void> {
    try {
      if (this.#dirty) await this.#handle.truncate(this.#bytes);
    } finally {
      await this.#handle.close();
    }
  }
}
