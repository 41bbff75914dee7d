/** The sources of this working tree and of other revisions, each as a folder that the product can be started from. */
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import type { Checkout } from './row.ts';

const root = join(import.meta.dirname, '../..');

export const workingTree: Checkout = { suffix: '', root };

/** A checkout that goes away with its scope. */
export interface TemporaryCheckout extends Checkout, AsyncDisposable {}

/** Unpacks a revision into a temporary folder and links the dependencies of this one.
 *  @throws Error when git does not know the revision. */
export async function checkOut(revision: string): Promise<TemporaryCheckout> {
  const commit = git('rev-parse', '--short', `${revision}^{commit}`);
  const folder: TemporaryFolder = await temporaryFolder();
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 30 });
  execFileSync('tar', ['-x', '-C', folder.path], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  return {
    suffix: ` @${commit}`,
    root: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The commit that is measured, and whether files differ from it. */
export function describeCommit(): string {
  const changed = git('status', '--porcelain', '--untracked-files=no', 'src', 'test/bench') !== '';
  return git('rev-parse', '--short', 'HEAD') + (changed ? ' with changes' : '');
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}
