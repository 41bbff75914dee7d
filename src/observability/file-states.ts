/** The state of the operator's files, for `/readyz`, `/api/reload` and the metric `narthex_reload_pending`. */
import type { Diagnostic } from '../documents/diagnostic.ts';

/** Groups of files that are read while the proxy runs, or at its next start. */
export const fileParts = [
  'policy',
  'catalogue',
  'obligations',
  'capabilities',
  'certificates',
  'signing-keys',
  'regions',
  'configuration',
] as const;
export type FilePart = (typeof fileParts)[number];

/** `loaded`: in force as on disk. `rejected`: the files on disk have errors, and the earlier contents are in force.
 *  `restart-required`: the files on disk are valid and take effect when the process restarts. */
type FileStateName = 'loaded' | 'rejected' | 'restart-required';

export interface FileState {
  readonly state: FileStateName;
  /** The first problems of rejected files. */
  readonly problems: readonly Diagnostic[];
  /** Number of further problems. */
  readonly omitted: number;
}

export type FileSummary = Readonly<Record<FilePart, FileState>>;

/** Most problems in the list of one part. */
export const problemsListedMax = 50;

interface Source {
  readonly state: FileStateName;
  readonly problems: readonly Diagnostic[];
}

export class FileStates {
  /** By part, then by the name of one set of files, such as a certificate and its key. */
  readonly #sources = new Map<FilePart, Map<string, Source>>();

  /** Records the state of one set of files. */
  note(part: FilePart, name: string, state: FileStateName, problems: readonly Diagnostic[] = []): void {
    const sources = this.#sources.get(part) ?? new Map<string, Source>();
    this.#sources.set(part, sources.set(name, { state, problems }));
  }

  /** Returns whether all files of a part are in force as on disk. */
  isCurrent(part: FilePart): boolean {
    return this.#stateOf(part).state === 'loaded';
  }

  summary(): FileSummary {
    return Object.fromEntries(fileParts.map((part) => [part, this.#stateOf(part)])) as FileSummary;
  }

  #stateOf(part: FilePart): FileState {
    const sources = [...(this.#sources.get(part)?.values() ?? [])];
    const problems = sources.flatMap((source) => source.problems);
    const worst = (['rejected', 'restart-required'] as const).find((name) =>
      sources.some(({ state }) => state === name),
    );
    return {
      state: worst ?? 'loaded',
      problems: problems.slice(0, problemsListedMax),
      omitted: Math.max(0, problems.length - problemsListedMax),
    };
  }
}
