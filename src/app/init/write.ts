/** Writes several files or none of them. */
import { chmod, link, lstat, mkdir, mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Refusal } from '../../errors/refusal.ts';
import { systemCode } from '../../transport/error.ts';

export interface NewFile {
  /** Path relative to the target folder. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Whether only its owner may read it (mode 0600) and enter its folder (0700). */
  readonly secret: boolean;
}

/** Why nothing was written. */
export class WriteRefused extends Refusal<'ERR_INIT_EXISTS' | 'ERR_INIT_WRITE'> {
  override readonly name = 'WriteRefused';
}

/** Writes the files into a folder, which is made where it is missing.
 *  @param force whether existing files are replaced
 *  @throws WriteRefused; no file has then changed, unless another process changes the folder meanwhile */
export async function writeAll(folder: string, files: readonly NewFile[], force: boolean): Promise<void> {
  const taken = await takenPaths(folder, files, force);
  if (taken.length > 0) throw new WriteRefused('ERR_INIT_EXISTS', `${taken.join(', ')}: already there`);
  let staging: string | undefined;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    staging = await mkdtemp(join(folder, '.narthex-init-'));
    await stage(staging, files);
    await makeFolders(folder, files);
    if (force) await replaceAll(staging, folder, files);
    else await linkAll(staging, folder, files);
  } catch (error) {
    if (error instanceof WriteRefused) throw error;
    throw new WriteRefused('ERR_INIT_WRITE', `${folder} cannot be written to (${systemCode(error)})`);
  } finally {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
  }
}

/** Returns the paths that exist, dangling symbolic links included; with `force` only folders, which a file cannot
 *  replace. */
async function takenPaths(
  folder: string,
  files: readonly NewFile[],
  force: boolean,
): Promise<readonly string[]> {
  const paths = files.map(({ path }) => join(folder, path));
  const found = await Promise.all(paths.map(kindOf));
  return paths.filter((_, index) => found[index] === 'folder' || (found[index] === 'file' && !force));
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'nothing'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing';
  }
}

/** Writes the files under numbers, so that no file is ever in place with half of its content or another mode. */
async function stage(staging: string, files: readonly NewFile[]): Promise<void> {
  for (const [index, { content, secret }] of files.entries())
    await writeFile(join(staging, String(index)), content, { mode: secret ? 0o600 : 0o644, flag: 'wx' });
}

async function makeFolders(folder: string, files: readonly NewFile[]): Promise<void> {
  for (const { path, secret } of files) {
    const parent = dirname(join(folder, path));
    await mkdir(parent, { recursive: true });
    if (secret) await chmod(parent, 0o700);
  }
}

async function replaceAll(staging: string, folder: string, files: readonly NewFile[]): Promise<void> {
  for (const [index, { path }] of files.entries())
    await rename(join(staging, String(index)), join(folder, path));
}

/** Links the files into place. Unlike a rename, a link fails where a file has appeared meanwhile. */
async function linkAll(staging: string, folder: string, files: readonly NewFile[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const [index, { path }] of files.entries()) {
      const target = join(folder, path);
      await link(join(staging, String(index)), target);
      made.push(target);
    }
  } catch (error) {
    await Promise.all(made.map((target) => unlink(target)));
    throw error;
  }
}
