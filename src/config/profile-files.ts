/** Which files the profiles of `capabilities.profiles` are in. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Absolute paths in order of their names: the .yaml files of a folder, or the files listed. An empty folder, or one
 *  that cannot be read, has none. */
export async function profileFiles(profiles: string | readonly string[]): Promise<readonly string[]> {
  if (typeof profiles !== 'string') return profiles;
  try {
    if (!(await stat(profiles)).isDirectory()) return [profiles];
    const names = await readdir(profiles);
    return names
      .filter((name) => name.endsWith('.yaml'))
      .toSorted()
      .map((name) => join(profiles, name));
  } catch {
    return [];
  }
}
