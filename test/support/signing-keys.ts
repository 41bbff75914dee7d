import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of signing keys, filled with one key of this id. */
export async function signingKeyFolder(kid = 'spring'): Promise<{
  readonly folder: string;
  /** Adds a key, complete from the first moment on. @param file its id, with or without a start */
  add(file: string): Promise<void>;
  remove(file: string): Promise<void>;
  close(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-keys-'));
  const add = async (file: string): Promise<void> => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
    await writeFile(join(folder, `${file}.pem`), pem, { mode: 0o600 });
  };
  await add(kid);
  return {
    folder,
    add,
    remove: (file) => rm(join(folder, `${file}.pem`)),
    close: () => rm(folder, { recursive: true }),
  };
}
