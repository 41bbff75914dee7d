/** A folder for the files of one command, which leaves nothing on the disk. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '../../errors/refusal.ts';
import { systemCode } from '../../transport/error.ts';
import type { Part } from '../part.ts';

/** The folder, or a file in it, cannot be written. */
class TemporaryFileRefused extends Refusal<'ERR_TEMPORARY_FILE'> {
  override readonly name = 'TemporaryFileRefused';
}

/** Is removed by `close`, and also when the process ends first, by Ctrl-C or by a closed pipe. */
export class TemporaryFolder implements Part {
  readonly path: string;
  readonly #remove: () => void;

  /** Makes the folder.
   *  @throws TemporaryFileRefused ERR_TEMPORARY_FILE */
  constructor() {
    const prefix = join(tmpdir(), 'narthex-demo-');
    // Not by a promise: a signal could come between the folder and the listener that removes it.
    this.path = attempt(`${prefix}*`, () => mkdtempSync(prefix));
    // A write that has begun can put a file there in the meantime.
    this.#remove = () => rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', this.#remove);
  }

  /** Writes a file that only this user may open, and returns its path.
   *  @throws TemporaryFileRefused ERR_TEMPORARY_FILE */
  write(name: string, content: string | Uint8Array): string {
    const file = join(this.path, name);
    attempt(file, () => writeFileSync(file, content, { mode: 0o600 }));
    return file;
  }

  /** Makes a folder inside that only this user may enter, and returns its path.
   *  @throws TemporaryFileRefused ERR_TEMPORARY_FILE */
  makeFolder(name: string): string {
    const folder = join(this.path, name);
    attempt(folder, () => mkdirSync(folder, { mode: 0o700 }));
    return folder;
  }

  close(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}

/** Returns what a call of the file system returns.
 *  @throws TemporaryFileRefused with the path and the system's code, in place of the system's error */
function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new TemporaryFileRefused('ERR_TEMPORARY_FILE', `${path} cannot be written (${systemCode(error)})`);
  }
}
