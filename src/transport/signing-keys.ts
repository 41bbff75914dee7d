/** The folder of signing keys, read again when it changes. A broken file never replaces keys in use. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Diagnostic } from '../documents/diagnostic.ts';
import { KeyError, keyProblems, readKeyFiles, SigningKeys, type KeyFile } from '../signals/keys.ts';
import { SetupError, systemCode, type FaultyFile } from './error.ts';
import type { WatchOptions } from './files.ts';
import { Refresher } from './refresher.ts';

/** The outcome of a change, for log and metrics. */
export type SigningKeysReport =
  | { readonly kind: 'reloaded'; readonly keys: number }
  | { readonly kind: 'rejected'; readonly problems: readonly Diagnostic[] };

export interface SigningKeyFolderOptions extends WatchOptions {
  readonly folder: string;
  readonly report: (report: SigningKeysReport) => void;
}

export class SigningKeyFolder {
  readonly #refresher: Refresher<KeySources>;
  #current: SigningKeys;

  /** Reads the folder.
   *  @throws SetupError ERR_SIGNING_KEYS_… */
  static async open(options: SigningKeyFolderOptions): Promise<SigningKeyFolder> {
    const sources = await readSources(options.folder);
    return new SigningKeyFolder(options, sources.digest, await parse(options.folder, sources));
  }

  private constructor(options: SigningKeyFolderOptions, digest: string, first: SigningKeys) {
    const { folder, report, settleMs, pollMs } = options;
    this.#current = first;
    this.#refresher = new Refresher({
      digest,
      files: [join(folder, 'any')],
      read: () => readSources(folder),
      apply: async (sources) => {
        this.#current = await parse(folder, sources);
        report({ kind: 'reloaded', keys: this.#current.starts().length });
      },
      rejected: (problems) => report({ kind: 'rejected', problems }),
      ...(settleMs === undefined ? {} : { settleMs }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  get current(): SigningKeys {
    return this.#current;
  }

  /** Reads the folder again, and uses it if it changed. */
  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  close(): void {
    this.#refresher.close();
  }
}

interface KeySources {
  readonly files: readonly KeyFile[];
  readonly digest: string;
}

/** Reads every file of the folder.
 *  @throws SetupError */
async function readSources(folder: string): Promise<KeySources> {
  try {
    const files = await readKeyFiles(folder);
    return { files, digest: digestOf(files) };
  } catch (error) {
    if (error instanceof KeyError) throw invalid(folder, error, undefined);
    throw new SetupError(
      'ERR_SIGNING_KEYS_UNREADABLE',
      `cannot read the folder of signing keys ${folder} (${systemCode(error)})`,
      'Check that the path is right and that the process may read it',
      { role: 'key', path: folder },
    );
  }
}

function digestOf(files: readonly KeyFile[]): string {
  const hash = createHash('sha256');
  for (const { name, pem } of files) hash.update(`${name.length}:${name}${pem.length}:`).update(pem);
  return hash.digest('base64');
}

/** Parses the files into keys.
 *  @throws SetupError ERR_SIGNING_KEYS_INVALID */
async function parse(folder: string, { files }: KeySources): Promise<SigningKeys> {
  try {
    return await SigningKeys.parse(files);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw invalid(folder, error, files[error.index]);
  }
}

function invalid(folder: string, { code }: KeyError, file: KeyFile | undefined): SetupError {
  return new SetupError(
    'ERR_SIGNING_KEYS_INVALID',
    `the folder of signing keys ${folder} ${keyProblems[code]} (${code})`,
    'Put one Ed25519 key per file into it, named after its key id',
    faultyFile(folder, file),
  );
}

/** Returns the file with the fault, or the folder when no file has it. */
function faultyFile(folder: string, file: KeyFile | undefined): FaultyFile {
  if (file === undefined) return { role: 'key', path: folder };
  return { role: 'key', path: join(folder, file.name), line: 1, column: 1 };
}
