/** The folder of signing keys, read again when it changes. What is broken never replaces what works. */
import { join } from 'node:path';
import { KeyError, keyProblems, readSigningKeys, type SigningKeys } from '../signals/keys.ts';
import { SetupError, systemCode, type SetupErrorCode } from './error.ts';
import { watchFiles, type FileWatch, type WatchOptions } from './files.ts';
import { Looking } from './looking.ts';

/** What became of a change, for the operator's log and metrics. */
export type SigningKeysReport =
  | { readonly kind: 'reloaded'; readonly keys: number }
  | { readonly kind: 'kept'; readonly code: SetupErrorCode };

export interface SigningKeyFolderOptions extends WatchOptions {
  readonly folder: string;
  readonly report: (report: SigningKeysReport) => void;
}

export class SigningKeyFolder {
  readonly #options: SigningKeyFolderOptions;
  readonly #watch: FileWatch;
  #current: SigningKeys;
  /** What was last judged, good or bad, so that each change is reported once. */
  #judged: string;
  readonly #looking = new Looking(() => this.#lookOnce());
  #closed = false;

  /** @throws SetupError ERR_SIGNING_KEYS_… */
  static async open(options: SigningKeyFolderOptions): Promise<SigningKeyFolder> {
    try {
      return new SigningKeyFolder(options, await readSigningKeys(options.folder));
    } catch (error) {
      throw setupError(error, options.folder);
    }
  }

  private constructor(options: SigningKeyFolderOptions, first: SigningKeys) {
    this.#options = options;
    this.#current = first;
    this.#judged = identity(first);
    this.#watch = watchFiles([join(options.folder, 'any')], () => void this.look(), options);
  }

  get current(): SigningKeys {
    return this.#current;
  }

  /** Reads the folder, and takes it over if it changed. */
  look(): Promise<void> {
    return this.#looking.look();
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
  }

  async #lookOnce(): Promise<void> {
    const { folder, report } = this.#options;
    try {
      const keys = await readSigningKeys(folder);
      const judged = identity(keys);
      if (judged === this.#judged || this.#closed) return;
      this.#judged = judged;
      this.#current = keys;
      report({ kind: 'reloaded', keys: keys.jwks().keys.length });
    } catch (error) {
      const failure = setupError(error, folder);
      if (failure.message === this.#judged || this.#closed) return;
      this.#judged = failure.message;
      report({ kind: 'kept', code: failure.code });
    }
  }
}

/** Public halves, ids and starts: everything that two sets can differ in. */
function identity(keys: SigningKeys): string {
  return JSON.stringify([keys.jwks(), keys.starts()]);
}

function setupError(error: unknown, folder: string): SetupError {
  if (error instanceof KeyError)
    return new SetupError(
      'ERR_SIGNING_KEYS_INVALID',
      `the folder of signing keys ${folder} ${keyProblems[error.code]} (${error.code})`,
      'Put one Ed25519 key per file into it, named after its key id',
    );
  return new SetupError(
    'ERR_SIGNING_KEYS_UNREADABLE',
    `cannot read the folder of signing keys ${folder} (${systemCode(error)})`,
    'Check that the path is right and that the process may read it',
  );
}
