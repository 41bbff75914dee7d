/** Finds the files of the profiles in `capabilities.profiles`. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Returns absolute paths, ordered by name: the .yaml files of a folder, or the listed files. An empty folder, or
 *  one that cannot be read, has none. */
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
