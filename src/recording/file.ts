/** The file of a recording: new, for its owner only, and written in whole lines. */
import { open, type FileHandle } from 'node:fs/promises';
import type { RecordingSink } from './writer.ts';

export class RecordingFile implements RecordingSink {
  readonly #handle: FileHandle;
  #bytes = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Creates the file.
   *  @throws the file system's error, EEXIST for a file that is there */
  static async create(path: string): Promise<RecordingFile> {
    return new RecordingFile(await open(path, 'wx', 0o600));
  }

  async append(lines: string): Promise<void> {
    const bytes = Buffer.from(lines);
    try {
      for (let written = 0; written < bytes.length;) {
        const step = await this.#handle.write(bytes, written, bytes.length - written, this.#bytes + written);
        written += step.bytesWritten;
      }
    } catch (error) {
      // A reader refuses a torn line. Truncating needs no space.
      await this.#handle.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    this.#bytes += bytes.length;
  }

  async close(): Promise<void> {
    try {
      await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }
}
