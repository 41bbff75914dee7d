/** Faults of the operator's set-up: files, ports, addresses. They stop a start (or keep the old certificate), never
 *  a stream, so they may name paths and ports. A peer's fault is a StreamError. */

import type { SetupErrorCode } from '../errors/setup.ts';
import type { Diagnostic } from '../documents/diagnostic.ts';
import { Unusable } from '../documents/unusable.ts';

/** The purpose of a file. Errors state it with the path, since one path may be configured twice. */
export type FileRole =
  | 'certificate'
  | 'key'
  | 'authorities'
  | 'secret'
  | 'key set'
  | 'content kinds'
  | 'profile'
  | 'regions'
  | 'folder'
  | 'headers';

/** The file that has a fault. */
export interface FaultyFile {
  readonly role: FileRole;
  readonly path: string;
  /** Line of the fault, from 1; absent where the fault has no place. */
  readonly line?: number;
  readonly column?: number;
}

/** A set-up fault: what is wrong, where, and its remedy. Contains nothing of any file. */
export class SetupError extends Unusable {
  override readonly name = 'SetupError';
  readonly code: SetupErrorCode;
  /** What the operator can do, in one sentence. */
  readonly remedy: string;
  readonly file: FaultyFile | undefined;
  readonly #problem: string;

  constructor(code: SetupErrorCode, problem: string, remedy: string, file?: FaultyFile) {
    super(`${code}: ${problem}. ${remedy}`);
    this.code = code;
    this.remedy = remedy;
    this.file = file;
    this.#problem = problem;
  }

  override get diagnostics(): readonly Diagnostic[] {
    const { path = '', line, column } = this.file ?? {};
    const place = line === undefined || column === undefined ? {} : { line, column };
    const { code, remedy } = this;
    return [{ severity: 'error', code, file: path, ...place, reason: this.#problem, remedy }];
  }
}

/** Returns the system's code of a fault (`ENOENT`, `EADDRINUSE`), or `unknown`. Never its message, which has
 *  addresses. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}
