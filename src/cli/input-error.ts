/** Something for the operator to mend: ends a command, and is reported with its remedy. */
export interface InputProblem {
  /** One of ERRORS.md. */
  readonly code: string;
  readonly message: string;
  /** `file` or `file:line:column`; absent when it is the command line. */
  readonly place?: string;
  /** By default what ERRORS.md says. */
  readonly remedy?: string;
}

export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problems: readonly InputProblem[];

  /** @param problems at least one; the first decides how the command exits */
  constructor(problems: readonly [InputProblem, ...InputProblem[]]) {
    super(problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** A file that a command was given, and that does not exist or may not be read. */
export function unreadable(path: string): InputError {
  return new InputError([{ code: 'ERR_FILE', message: `${path} cannot be read` }]);
}

/** An option, or what was given for it, that the command does not take. */
export function misused(message: string): InputError {
  return new InputError([{ code: 'ERR_OPTION', message }]);
}
