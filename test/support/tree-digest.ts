/** A digest of a folder, to compare two builds. */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Returns one line for each file and link below `folder`, in the order of their paths: executable or not, SHA-256 of
 *  the content or the target of the link, and the path. Times and owners are left out: an image's build sets them. */
export function treeLines(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return paths
    .map((path) => path.slice(folder.length + 1))
    .toSorted()
    .map((path) => line(folder, path));
}

/** Returns the SHA-256 over the lines of a folder, in hex. */
export function treeDigest(folder: string): string {
  return createHash('sha256').update(treeLines(folder).join('\n')).digest('hex');
}

function line(folder: string, path: string): string {
  const file = join(folder, path);
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return `link ${readlinkSync(file)} ${path}`;
  const content = createHash('sha256').update(readFileSync(file)).digest('hex');
  return `${(stat.mode & 0o111) === 0 ? 'file' : 'program'} ${content} ${path}`;
}
