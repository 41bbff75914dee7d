/** The only free text in the log: a diagnostic of an operator's file. Only `diagnosticFields` makes one, so that no
 *  text from the wire can become one. */
import type { Diagnostic } from '../documents/diagnostic.ts';

/** Most characters of one text. */
const textMax = 1_000;

class DiagnosticText {
  readonly text: string;

  constructor(text: string) {
    // Control characters would break the lines of tools that print the log undecoded.
    const printable = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
    this.text = printable.length > textMax ? `${printable.slice(0, textMax)}…` : printable;
  }
}

export type OperatorText = DiagnosticText;

export function isOperatorText(value: unknown): value is OperatorText {
  return value instanceof DiagnosticText;
}

/** Form of a diagnostic's code. */
const codeShape = /^(?:ERR|WARN|NOTE)_[A-Z0-9_]{1,60}$/;

/** A code of a diagnostic, checked at run time too. */
export type FileCode = `ERR_${string}` | `WARN_${string}` | `NOTE_${string}`;

export function isFileCode(value: unknown): value is FileCode {
  return typeof value === 'string' && codeShape.test(value);
}

/** Fields of a log line about one problem of a file. */
export interface DiagnosticFields {
  readonly code: FileCode;
  readonly file: OperatorText;
  readonly line?: number;
  readonly column?: number;
  readonly reason: OperatorText;
  readonly remedy?: OperatorText;
}

/** Returns a diagnostic as fields of a log line. */
export function diagnosticFields(diagnostic: Diagnostic): DiagnosticFields {
  const { code, file, line, column, field, reason, remedy } = diagnostic;
  return {
    code: code as FileCode,
    file: new DiagnosticText(file),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    reason: new DiagnosticText(field === undefined ? reason : `${field}: ${reason}`),
    ...(remedy === '' ? {} : { remedy: new DiagnosticText(remedy) }),
  };
}
