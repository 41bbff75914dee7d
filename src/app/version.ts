/** The version of the product, and the digest of its code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from './files/digest.ts';

/** Returns the version in package.json, which is two folders above both the source and the build. */
export function productVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Returns a digest over the code that runs: paths and contents of all files of the source, or of the build. Reads a few
 *  megabytes. */
export function buildDigest(): string {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
  return digestOf(files.flatMap((file) => [file.slice(folder.length), readFileSync(file, 'latin1')]));
}

/** Returns what runs: the version, and the digest of its files. */
export function program(): { readonly version: string; readonly build: string } {
  return { version: productVersion(), build: buildDigest() };
}
