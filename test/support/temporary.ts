import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder that goes away with its scope. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file that only this user may open, and returns its path. */
  write(name: string, text: string): Promise<string>;
  writeBytes(name: string, bytes: Uint8Array): Promise<string>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'narthex-test-'));
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const file = join(path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  return {
    path,
    write,
    writeBytes: write,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}
