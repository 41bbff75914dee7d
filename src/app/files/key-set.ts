/** A JWK set (RFC 7517) in a file of the operator, read again when it changes. */
import { parseStrictJson } from '../../http/strict-json.ts';
import { heldKeys, readKeySet, type KeySource } from '../../http/tokens/verification-keys.ts';
import { SetupError, type FaultyFile } from '../../transport/error.ts';
import { Reloading } from '../../transport/reloading.ts';
import type { FilesReport } from '../observer.ts';

export interface KeySetOptions {
  readonly files: FilesReport;
  readonly limits: { readonly jsonDepthMax: number; readonly keysMax: number };
}

/** Opens a set.
 *  @param name for reports
 *  @throws SetupError when the file does not load, or has no usable key */
export function openKeySet(
  name: string,
  path: string,
  { files, limits }: KeySetOptions,
): Promise<Reloading<KeySource>> {
  const file = { role: 'key set', path } as const;
  return Reloading.open({
    name,
    files: [file],
    report: files,
    build: ([text = '']) => readKeys(text, file, limits),
  });
}

/** Returns the keys in the text of a file.
 *  @throws SetupError */
export function readKeys(
  text: string,
  file: FaultyFile,
  { jsonDepthMax, keysMax }: KeySetOptions['limits'],
): KeySource {
  const json = parseStrictJson(Buffer.from(text), { depthMax: jsonDepthMax });
  if (json.kind === 'object' && readKeySet(json.value, keysMax) !== undefined) return heldKeys(json.value);
  throw new SetupError(
    'ERR_KEY_SET_INVALID',
    `${file.path} does not hold a JWK set with a usable key`,
    'Write the set as its issuer publishes it (RFC 7517)',
    file,
  );
}
