/** One problem in a file of the operator: its place, what is wrong, and the remedy. Policies, profiles,
 *  certificates, keys and narthex.yaml are all reported in this form, on the command line, in the log, by `/readyz`
 *  and by `/api/reload`. A reason may quote a document, since it is the operator's own; it never quotes a key. */

/** A place in a file; lines and columns count from 1, columns in UTF-16 units as editors show them. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic {
  /** `notice`: nothing to correct, but to know. */
  readonly severity: 'error' | 'warning' | 'notice';
  /** A code in ERRORS.md. */
  readonly code: string;
  /** Path of the file, or of the folder in which one is missing. */
  readonly file: string;
  /** Line from 1; absent where the file has no lines, or could not be read. */
  readonly line?: number;
  readonly column?: number;
  /** Name of the catalogue field that the problem is about, if there is one. */
  readonly field?: string;
  /** What is wrong, without a full stop. */
  readonly reason: string;
  /** The remedy; empty when the reason states it. */
  readonly remedy: string;
}

/** A problem that always has its place. */
export interface PlacedDiagnostic extends Diagnostic, Place {
  readonly line: number;
  readonly column: number;
}

/** Returns one line, as compilers print them: `file:line:column: error CODE field: reason. Remedy`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { severity, code, field, reason, remedy } = diagnostic;
  const subject = field === undefined ? '' : ` ${field}`;
  const advice = remedy === '' ? '' : `. ${remedy}`;
  return `${placeText(diagnostic)}: ${severity} ${code}${subject}: ${reason}${advice}`;
}

/** Returns `file:line:column`, or the file alone where it has no lines. */
export function placeText({ file, line, column }: Pick<Diagnostic, 'file' | 'line' | 'column'>): string {
  return line === undefined || column === undefined ? file : `${file}:${line}:${column}`;
}
