/** A problem that the operator can solve. It ends a command, and is reported with its remedy. */
export interface InputProblem {
  /** A code in ERRORS.md. */
  readonly code: string;
  readonly message: string;
  /** `file` or `file:line:column`; absent for the command line. */
  readonly place?: string;
  /** By default the remedy in ERRORS.md. */
  readonly remedy?: string;
}

export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problems: readonly InputProblem[];

  /** @param problems at least one; the first decides the exit code */
  constructor(problems: readonly [InputProblem, ...InputProblem[]]) {
    super(problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** Returns the error for a file that does not exist or may not be read. */
export function unreadable(path: string): InputError {
  return new InputError([{ code: 'ERR_FILE', message: `${path} cannot be read` }]);
}

/** Refuses a command line that names standard input more than once: it can be read once.
 *  @throws InputError ERR_OPTION */
export function requireOneInput(paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1) throw misused('standard input (-) can be read once');
}

/** Returns the error for an option, or a value of one, that the command does not take. */
export function misused(message: string): InputError {
  return new InputError([{ code: 'ERR_OPTION', message }]);
}
