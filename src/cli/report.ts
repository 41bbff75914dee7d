/** Prints errors on the command line: place, severity, code, sentence; the remedy indented below.
 *
 *      narthex.yaml:3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `listners`, did you mean `listeners`?
 *        Write `listeners`, or remove the key. */
import { styleText } from 'node:util';
import { ConfigError, type ConfigProblem } from '../config/problem.ts';
import { placeText } from '../documents/diagnostic.ts';
import { Unusable } from '../documents/unusable.ts';
import { type ExitCode, exitCodes } from '../errors/exit.ts';
import { exitCodeOf, explanationOf } from '../errors/table.ts';
import { InputError } from './input-error.ts';

/** The output of a command. Coloured only where `stream` is a terminal and NO_COLOR is not set. */
export type Output = NodeJS.WritableStream;

export interface Reportable {
  readonly severity: 'error' | 'warning' | 'notice';
  readonly code: string;
  readonly message: string;
  /** `file:line:column`, or `narthex` when absent. */
  readonly place?: string;
  readonly remedy?: string | undefined;
}

/** Prints one error or warning. */
export function report(
  { severity, code, message, place = 'narthex', remedy }: Reportable,
  output: Output,
): void {
  const colour = severity === 'error' ? 'red' : 'yellow';
  const head = `${place}: ${styleText(['bold', colour], severity, { stream: output })}`;
  output.write(`${head} ${styleText('bold', code, { stream: output })}: ${message}\n`);
  if (remedy !== undefined && remedy !== '')
    output.write(`${wrap(/[.?!]$/.test(remedy) ? remedy : `${remedy}.`)}\n`);
}

/** Prints that standard output cannot be written.
 *  @param systemCode such as `ENOSPC`
 *  @returns the exit code of a command that ends for this */
export function reportOutput(systemCode: string, output: Output): ExitCode {
  const code = 'ERR_OUTPUT';
  const { remedy } = explanationOf(code)!;
  report(
    { severity: 'error', code, message: `standard output cannot be written (${systemCode})`, remedy },
    output,
  );
  return exitCodeOf(code);
}

/** Prints the problems of a configuration.
 *  @param omitted number of further problems */
export function reportProblems(
  problems: readonly (Omit<ConfigProblem, 'code' | 'path'> & { readonly code: string })[],
  omitted: number,
  output: Output,
): void {
  for (const { place, severity, code, message, remedy } of problems) {
    const where = place === undefined ? {} : { place: `${place.file}:${place.line}:${place.column}` };
    report({ severity, code, message, remedy, ...where }, output);
  }
  if (omitted > 0) output.write(`narthex: and ${omitted} more\n`);
}

/** Prints any error of a command, and returns the exit code. Only a defect is printed with its stack. */
export function reportFailure(error: unknown, output: Output): ExitCode {
  if (error instanceof ConfigError) {
    reportProblems(error.problems, error.omitted, output);
    return exitCodeOf(error.code);
  }
  if (error instanceof InputError) {
    for (const problem of error.problems)
      report({ severity: 'error', remedy: explanationOf(problem.code)?.remedy, ...problem }, output);
    return exitCodeOf(error.problems[0]!.code);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const explanation = explanationOf(code);
  if (explanation === undefined && error instanceof Unusable) return reportUnusable(error, output);
  if (explanation === undefined || !(error instanceof Error)) return reportDefect(error, output);
  const remedy = 'remedy' in error ? String(error.remedy) : explanation.remedy;
  report({ severity: 'error', code, message: sentence(error.message, code, remedy), remedy }, output);
  return exitCodeOf(code);
}

/** Prints the problems of files that cannot be used. One without a line could not be read at all. */
function reportUnusable({ diagnostics }: Unusable, output: Output): ExitCode {
  for (const diagnostic of diagnostics) {
    const { severity, code, reason, remedy } = diagnostic;
    report({ severity, code, message: reason, remedy, place: placeText(diagnostic) }, output);
  }
  return diagnostics[0]!.line === undefined ? exitCodes.noInput : exitCodes.dataError;
}

/** Returns the message without code and remedy, which some errors repeat in it. */
function sentence(message: string, code: string, remedy: string): string {
  const bare = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  return bare.endsWith(`. ${remedy}`) ? bare.slice(0, -remedy.length - 2) : bare;
}

function reportDefect(error: unknown, output: Output): ExitCode {
  const code = 'ERR_INTERNAL';
  report(
    { severity: 'error', code, message: whereabouts(error), remedy: explanationOf(code)?.remedy },
    output,
  );
  return exitCodeOf(code);
}

/** Returns class and stack of an error without its message, which may quote input. */
function whereabouts(error: unknown): string {
  if (!(error instanceof Error)) return 'something was thrown that is no error';
  const stack = error.stack ?? '';
  const head = `${error.name}: ${error.message}`;
  const frames = stack.startsWith(head) ? stack.slice(head.length) : '';
  return `${error.name}${frames}`;
}

/** Returns the text indented, and broken at 100 columns. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > 96) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((part) => `    ${part}`).join('\n');
}
