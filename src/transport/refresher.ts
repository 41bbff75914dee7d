/** Keeps an object that is built from files up to date. An error while files are read, checked or built becomes a
 *  rejected reload, and the old object stays in force. No other code handles failed reloads. */
import { Unusable } from '../documents/unusable.ts';
import type { Diagnostic } from '../documents/diagnostic.ts';
import { defectOf } from '../errors/defect.ts';
import { watchFiles, type FileWatch, type WatchOptions } from './files.ts';

/** Contents of files before they are checked. */
export interface Sources {
  /** Equal for equal contents. */
  readonly digest: string;
}

export interface RefresherOptions<S extends Sources> extends WatchOptions {
  /** Digest of the contents in force. */
  readonly digest: string;
  /** Files whose folders are watched. */
  readonly files: readonly string[];
  /** Reads every file.
   *  @throws Unusable */
  readonly read: () => Promise<S> | S;
  /** Checks the contents and puts all of them into force, or none.
   *  @throws Unusable */
  readonly apply: (sources: S) => Promise<void> | void;
  /** Called once per set of problems, not at each poll. */
  readonly rejected: (problems: readonly Diagnostic[]) => void;
}

export class Refresher<S extends Sources> {
  readonly #options: RefresherOptions<S>;
  #watch: FileWatch;
  /** Digest of the contents that `apply` has last taken or refused; '' after `read` has failed. */
  #judged: string;
  /** The problems that were last reported; '' after a successful reload. */
  #reported = '';
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: RefresherOptions<S>) {
    this.#options = options;
    this.#judged = options.digest;
    this.#watch = this.#watchFiles(options.files);
  }

  /** Reads the files again, and applies them if they changed. Runs do not overlap; a call during a run causes another.
   *  @returns a promise that resolves when every change so far was read, and never rejects */
  refresh(): Promise<void> {
    this.#again = this.#running !== undefined;
    this.#running ??= this.#refreshUntilQuiet().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Replaces the list of watched files. */
  watch(files: readonly string[]): void {
    if (this.#closed) return;
    this.#watch.close();
    this.#watch = this.#watchFiles(files);
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
  }

  #watchFiles(files: readonly string[]): FileWatch {
    return watchFiles(files, () => void this.refresh(), this.#options);
  }

  async #refreshUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      await this.#refreshOnce();
    } while (this.#again);
  }

  async #refreshOnce(): Promise<void> {
    try {
      await this.#attempt();
    } catch (error) {
      if (this.#closed) return;
      const problems = this.#problemsOf(error);
      const reported = JSON.stringify(problems);
      if (reported === this.#reported) return;
      this.#reported = reported;
      this.#options.rejected(problems);
    }
  }

  async #attempt(): Promise<void> {
    let sources: S;
    try {
      sources = await this.#options.read();
    } catch (error) {
      // Files that return to their old contents then end the problem.
      this.#judged = '';
      throw error;
    }
    if (sources.digest === this.#judged || this.#closed) return;
    this.#judged = sources.digest;
    await this.#options.apply(sources);
    this.#reported = '';
  }

  #problemsOf(error: unknown): readonly Diagnostic[] {
    if (error instanceof Unusable) return error.diagnostics;
    const { errorClass, frame } = defectOf(error);
    return [
      {
        severity: 'error',
        code: 'ERR_RELOAD_DEFECT',
        file: this.#options.files[0] ?? '',
        reason: `a defect of the proxy: ${errorClass} at ${frame}`,
        remedy: 'Undo the change to the file, and report the class and the place of the defect',
      },
    ];
  }
}
