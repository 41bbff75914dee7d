/** The version of the product. */
import { readFileSync } from 'node:fs';

/** Returns the version in package.json, which is two folders above both the source and the build. */
export function productVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
