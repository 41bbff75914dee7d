/** Problems of a configuration as data: a closed code, the place, a sentence, the remedy.
 *
 *  A configuration is the operator's own text, so problems may quote it; they never contain a value from the wire. */

import type { ConfigErrorCode } from '../errors/config.ts';
import type { Diagnostic, Place } from '../documents/diagnostic.ts';
import { Unusable } from '../documents/unusable.ts';

/** Keys and indices from the root of the document to a value. */
export type ConfigPath = readonly (string | number)[];

export interface ConfigProblem {
  readonly severity: 'error' | 'warning' | 'notice';
  readonly code: ConfigErrorCode;
  /** Dotted path of the faulty value, '' for the document itself. */
  readonly path: string;
  /** Absent when the problem is outside of any file (environment, a missing file). */
  readonly place?: Place;
  /** What is wrong and what was expected, in one sentence. */
  readonly message: string;
  readonly remedy: string;
}

/** Most problems that one report lists. */
export const problemsMax = 50;

/** Thrown once with every problem, so that an operator can fix them together. */
export class ConfigError extends Unusable {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;
  readonly problems: readonly ConfigProblem[];
  /** Number of further problems that are not listed. */
  readonly omitted: number;

  /** @param problems at least one */
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.slice(0, problemsMax).map(formatProblem).join('\n'));
    this.code = problems[0]?.code ?? 'ERR_CONFIG_SYNTAX';
    this.problems = problems.slice(0, problemsMax);
    this.omitted = Math.max(0, problems.length - problemsMax);
  }

  /** Returns the problems in the form of all files' problems; `file` is empty for one outside of any file. */
  override get diagnostics(): readonly Diagnostic[] {
    return this.problems.map(({ severity, code, place, message, remedy }) => ({
      severity,
      code,
      ...(place ?? { file: '' }),
      reason: message,
      remedy,
    }));
  }
}

/** Returns `file:line:column: error CODE: message`, the form that editors and CI systems make clickable. */
export function formatProblem({ place, severity, code, message }: ConfigProblem): string {
  const where = place === undefined ? 'narthex' : `${place.file}:${place.line}:${place.column}`;
  return `${where}: ${severity} ${code}: ${message}`;
}

/** Reads a path that `formatPath` wrote. */
export function parsePath(text: string): ConfigPath {
  return (text.match(/[^.[\]]+/g) ?? []).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** Returns a path as people write it, such as `listeners[0].port`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
