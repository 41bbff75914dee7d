/** The version of the product. */
import { readFileSync } from 'node:fs';

/** As in package.json, which lies two folders up from the source and from the build alike. */
export function productVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
