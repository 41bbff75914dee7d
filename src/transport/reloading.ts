/** An object that is built from a fixed list of files, and rebuilt when they change. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../documents/diagnostic.ts';
import { readPrivateFile, readRegularFile, whyOf } from '../documents/read.ts';
import { decodeUtf8, saveAsUtf8 } from '../documents/text.ts';
import type { SetupErrorCode } from '../errors/setup.ts';
import { SetupError, type FileRole } from './error.ts';
import type { WatchOptions } from './files.ts';
import { Refresher } from './refresher.ts';

/** The outcome of a changed file, for log and metrics. */
export type ReloadReport =
  | { readonly kind: 'reloaded'; readonly name: string }
  | { readonly kind: 'rejected'; readonly name: string; readonly problems: readonly Diagnostic[] };

/** A file to build from. */
export interface SourceFile {
  readonly role: FileRole;
  readonly path: string;
  /** Whether a file that every user of the machine may open is refused. */
  readonly isPrivate?: boolean;
}

export interface ReloadingOptions<T> extends WatchOptions {
  /** Name in the configuration, for reports. */
  readonly name: string;
  readonly files: readonly SourceFile[];
  /** `latin1` keeps every byte of a secret. Default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1';
  /** Builds from the texts of the files, in their order. `refuse(index)` throws the SetupError of a secret.
   *  @throws SetupError */
  readonly build: (texts: readonly string[], refuse: (index: number) => never) => T;
  readonly report: (report: ReloadReport) => void;
}

/** The current object of a set of files. */
export class Reloading<T> {
  readonly #refresher: Refresher<TextSources>;
  #current: T;

  /** Makes the first build.
   *  @throws SetupError */
  static async open<T>(options: ReloadingOptions<T>): Promise<Reloading<T>> {
    const sources = readAll(options);
    return new Reloading(options, build(options, sources.texts), sources.digest);
  }

  private constructor(options: ReloadingOptions<T>, first: T, digest: string) {
    const { name, files, report, settleMs, pollMs } = options;
    this.#current = first;
    this.#refresher = new Refresher({
      digest,
      files: files.map(({ path }) => path),
      read: () => readAll(options),
      apply: ({ texts }) => {
        this.#current = build(options, texts);
        report({ kind: 'reloaded', name });
      },
      rejected: (problems) => report({ kind: 'rejected', name, problems }),
      ...(settleMs === undefined ? {} : { settleMs }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  get current(): T {
    return this.#current;
  }

  /** Reads the files again, and rebuilds if they changed. */
  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  close(): void {
    this.#refresher.close();
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

interface TextSources {
  readonly texts: readonly string[];
  readonly digest: string;
}

function readAll({
  files,
  encoding = 'utf8',
}: Pick<ReloadingOptions<unknown>, 'files' | 'encoding'>): TextSources {
  const texts = files.map((file) => read(file, encoding));
  return { texts, digest: digestOf(texts) };
}

/** Reads a file.
 *  @throws SetupError */
function read(file: SourceFile, encoding: 'utf8' | 'latin1'): string {
  let bytes: Buffer;
  try {
    bytes = file.isPrivate === true ? readPrivateFile(file.path) : readRegularFile(file.path);
  } catch (error) {
    throw new SetupError(
      unreadable(file.role),
      `cannot read the ${file.role} file ${file.path} (${whyOf(error)})`,
      'Check that the path is right and that the process may read it',
      file,
    );
  }
  if (encoding === 'latin1') return bytes.toString('latin1');
  // PEM may stand between notes in any encoding.
  return isDocument(file.role) ? documentText(bytes, file) : bytes.toString('utf8');
}

function isDocument(role: FileRole): boolean {
  return role === 'content kinds' || role === 'profile';
}

/** Decodes a document, which must be UTF-8.
 *  @throws SetupError */
function documentText(bytes: Uint8Array, { role, path }: SourceFile): string {
  const decoded = decodeUtf8(bytes);
  if (decoded.kind === 'text') return decoded.text;
  const { line, column } = decoded;
  throw new SetupError(
    'ERR_CAPABILITIES_INVALID',
    `the ${role} file ${path} has a byte that is not UTF-8`,
    saveAsUtf8,
    { role, path, line, column },
  );
}

function unreadable(role: FileRole): SetupErrorCode {
  if (role === 'secret') return 'ERR_SECRET_UNREADABLE';
  if (role === 'key set') return 'ERR_KEY_SET_INVALID';
  return isDocument(role) ? 'ERR_CAPABILITIES_UNREADABLE' : 'ERR_CERTIFICATE_UNREADABLE';
}

function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('base64');
}
