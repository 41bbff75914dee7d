/** The secrets that the static keys of accounts are derived from, read again when their files change. */
import type { SourceFile } from '../../transport/reloading.ts';
import { Reloading } from '../../transport/reloading.ts';
import type { FilesReport } from '../observer.ts';

/** Fewest bytes of a secret. */
const secretBytesMin = 32;

/** Opens the secrets of one gatekeeper, in the order of the configuration: the first one is for new enlistments.
 *  @throws SetupError when a file does not load, is too short, or is open to other users */
export function openAccountSecrets(
  gatekeeper: string,
  paths: readonly string[],
  report: FilesReport,
): Promise<Reloading<readonly [Buffer, ...Buffer[]]>> {
  const files = paths.map((path): SourceFile => ({ role: 'secret', path, isPrivate: true }));
  return Reloading.open({
    name: `account secrets of ${gatekeeper}`,
    files,
    encoding: 'latin1',
    report,
    build: (texts, refuse) => {
      texts.forEach((text, index) => text.length < secretBytesMin && refuse(index));
      const [first, ...others] = texts.map((text) => Buffer.from(text, 'latin1'));
      return [first!, ...others];
    },
  });
}
