/** Something built from files, and built anew when they change. What is broken never replaces what works. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SetupError, systemCode, type FileRole, type SetupErrorCode } from './error.ts';
import { watchFiles, type FileWatch, type WatchOptions } from './files.ts';
import { Looking } from './looking.ts';

/** What became of a change on disk, for the operator's log and metrics. Paths are the operator's own. */
export type ReloadReport =
  | { readonly kind: 'reloaded'; readonly name: string }
  | {
      readonly kind: 'kept';
      readonly name: string;
      readonly code: SetupErrorCode;
      readonly role: FileRole;
      readonly path: string;
    };

/** One file to build from. */
export interface SourceFile {
  readonly role: FileRole;
  readonly path: string;
}

/** How to build, and whom to tell. `build` gets the files' texts in the order given and throws a SetupError; the one
 *  for a secret is thrown by `refuse`, which is given the place of its file. */
export interface ReloadingOptions<T> extends WatchOptions {
  /** The operator's name for it, in reports. */
  readonly name: string;
  readonly files: readonly SourceFile[];
  /** `latin1` keeps every byte of a secret. Default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1';
  readonly build: (texts: readonly string[], refuse: (index: number) => never) => T;
  readonly report: (report: ReloadReport) => void;
}

/** The current build of a set of files. */
export class Reloading<T> {
  readonly #options: ReloadingOptions<T>;
  readonly #watch: FileWatch;
  #current: T;
  /** Digest of what was last judged, good or bad, so that each change is reported once. */
  #judged: string;
  readonly #looking = new Looking(() => this.#lookOnce());
  #closed = false;

  /** @throws SetupError when the files do not make a first build. */
  static async open<T>(options: ReloadingOptions<T>): Promise<Reloading<T>> {
    const texts = await readAll(options);
    return new Reloading(options, build(options, texts), digest(texts));
  }

  private constructor(options: ReloadingOptions<T>, first: T, judged: string) {
    this.#options = options;
    this.#current = first;
    this.#judged = judged;
    this.#watch = watchFiles(
      options.files.map((file) => file.path),
      () => void this.look(),
      options,
    );
  }

  get current(): T {
    return this.#current;
  }

  /** Reads the files and rebuilds if they changed. */
  look(): Promise<void> {
    return this.#looking.look();
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
  }

  async #lookOnce(): Promise<void> {
    let judged = this.#judged;
    try {
      const texts = await readAll(this.#options);
      judged = digest(texts);
      if (judged === this.#judged || this.#closed) return;
      this.#current = build(this.#options, texts);
      this.#options.report({ kind: 'reloaded', name: this.#options.name });
    } catch (error) {
      if (!(error instanceof SetupError) || error.file === undefined) throw error;
      if (error.code === unreadable(error.file.role)) judged = error.message;
      if (judged === this.#judged || this.#closed) return;
      this.#options.report({ kind: 'kept', name: this.#options.name, code: error.code, ...error.file });
    } finally {
      this.#judged = judged;
    }
  }
}

function build<T>({ build: make, files }: ReloadingOptions<T>, texts: readonly string[]): T {
  return make(texts, (index) => {
    const file = files[index]!;
    throw new SetupError(
      'ERR_SECRET_INVALID',
      `the ${file.role} file ${file.path} does not hold what it should`,
      'A secret has 32 bytes at least (openssl rand 32); a bearer token is one line of text',
      file,
    );
  });
}

type Sources = Pick<ReloadingOptions<unknown>, 'files' | 'encoding'>;

async function readAll({ files, encoding = 'utf8' }: Sources): Promise<string[]> {
  return Promise.all(files.map((file) => read(file, encoding)));
}

async function read(file: SourceFile, encoding: 'utf8' | 'latin1'): Promise<string> {
  try {
    return await readFile(file.path, encoding);
  } catch (error) {
    throw new SetupError(
      unreadable(file.role),
      `cannot read the ${file.role} file ${file.path} (${systemCode(error)})`,
      'Check that the path is right and that the process may read it',
      file,
    );
  }
}

function unreadable(role: FileRole): SetupErrorCode {
  if (role === 'secret') return 'ERR_SECRET_UNREADABLE';
  return role === 'content kinds' || role === 'profile'
    ? 'ERR_CAPABILITIES_UNREADABLE'
    : 'ERR_CERTIFICATE_UNREADABLE';
}

function digest(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64');
}
