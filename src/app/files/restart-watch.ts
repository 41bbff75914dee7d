/** Watches files that take effect at the next start only: the catalogue, the obligations, narthex.yaml, and the list
 *  of capability profiles. A change is reported after checking that the next start would accept it. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../documents/diagnostic.ts';
import { readRegularFile } from '../../documents/read.ts';
import type { FilePart } from '../../observability/file-states.ts';
import type { WatchOptions } from '../../transport/files.ts';
import { Refresher } from '../../transport/refresher.ts';
import type { Part } from '../part.ts';
import { FileMissing } from './policies.ts';

export interface RestartReport {
  /** `loaded`: the contents are again those of the start. */
  readonly kind: 'loaded' | 'restart-required' | 'rejected';
  readonly part: FilePart;
  readonly name: string;
  /** Empty unless rejected. */
  readonly problems: readonly Diagnostic[];
}

export interface RestartFiles extends WatchOptions {
  readonly part: FilePart;
  /** Distinguishes several sets of files of one part. */
  readonly name: string;
  /** Lists the present files.
   *  @throws Unusable */
  readonly list: () => Promise<readonly string[]> | readonly string[];
  /** Whether a change inside a file counts, or only one of the list. */
  readonly contents: boolean;
  /** Reads the files as a start would. @throws Unusable */
  readonly check: () => unknown;
  readonly report: (report: RestartReport) => void;
}

/** Watches a set of files from their present state on.
 *  @throws Unusable when they cannot be read */
export async function watchForRestart(options: RestartFiles): Promise<Part> {
  const { part, name, check, report, settleMs, pollMs } = options;
  const started = await read(options);
  const tell = (kind: RestartReport['kind'], problems: readonly Diagnostic[] = []): void =>
    report({ kind, part, name, problems });
  return new Refresher({
    digest: started.digest,
    files: started.files,
    read: () => read(options),
    apply: async ({ digest }) => {
      if (digest === started.digest) return tell('loaded');
      await check();
      tell('restart-required');
    },
    rejected: (problems) => tell('rejected', problems),
    ...(settleMs === undefined ? {} : { settleMs }),
    ...(pollMs === undefined ? {} : { pollMs }),
  });
}

interface Listed {
  readonly files: readonly string[];
  readonly digest: string;
}

async function read({ list, contents }: RestartFiles): Promise<Listed> {
  const files = await list();
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${file.length}:${file}`);
    if (!contents) continue;
    const bytes = bytesOf(file);
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return { files, digest: hash.digest('base64') };
}

/** Reads the bytes of a file.
 *  @throws FileMissing */
function bytesOf(file: string): Uint8Array {
  try {
    return readRegularFile(file);
  } catch (error) {
    throw FileMissing.at(file, error);
  }
}
