/** Reads the files that a proxy writes. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Returns the contents of a file, or of every file of a folder.
 *  @throws the system's error where it cannot be read */
export async function readFiles(path: string): Promise<Buffer[]> {
  if ((await stat(path)).isFile()) return [await readFile(path)];
  const names = await readdir(path);
  return Promise.all(names.map((name) => readFile(join(path, name))));
}
