/** Which of the operator's files are in force as they are on disk, for `/readyz`, `/api/reload` and the metric
 *  `narthex_reload_pending`. */
import type { Diagnostic } from '../documents/diagnostic.ts';

/** What is read from files while the proxy runs, or would be read at its next start. */
export const fileParts = [
  'policy',
  'catalogue',
  'obligations',
  'capabilities',
  'certificates',
  'signing-keys',
  'configuration',
] as const;
export type FilePart = (typeof fileParts)[number];

/** `loaded`: in force as on disk. `rejected`: what is on disk cannot be used, and what was in force still is.
 *  `restart-required`: what is on disk can be used and takes effect when the process starts. */
type FileStateName = 'loaded' | 'rejected' | 'restart-required';

export interface FileState {
  readonly state: FileStateName;
  /** The first problems of what was rejected. */
  readonly problems: readonly Diagnostic[];
  /** How many further problems there are. */
  readonly omitted: number;
}

export type FileSummary = Readonly<Record<FilePart, FileState>>;

/** Problems that one part lists. */
export const problemsListedMax = 50;

interface Source {
  readonly state: FileStateName;
  readonly problems: readonly Diagnostic[];
}

export class FileStates {
  /** By part, by the operator's name for one set of files, such as one certificate and its key. */
  readonly #sources = new Map<FilePart, Map<string, Source>>();

  /** Notes what became of one set of files. */
  note(part: FilePart, name: string, state: FileStateName, problems: readonly Diagnostic[] = []): void {
    const sources = this.#sources.get(part) ?? new Map<string, Source>();
    this.#sources.set(part, sources.set(name, { state, problems }));
  }

  /** Whether all files of a part are in force as they are on disk. */
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
