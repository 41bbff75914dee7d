import { createReadStream } from 'node:fs';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { InvalidArgumentError, Option } from 'commander';
import { unreadable } from './input-error.ts';

/** Files and streams of a command, so that tests need no process. */
export interface CommandIo {
  /** Yields the lines of a file, or of standard input for `-`. Rejects with the file system's error. */
  lines(path: string): AsyncIterable<string>;
  write(text: string): void;
}

/** Yields the lines of a file that the command line names.
 *  @throws InputError ERR_FILE */
export async function* readLines(io: CommandIo, path: string): AsyncIterable<string> {
  try {
    yield* io.lines(path);
  } catch {
    throw unreadable(path);
  }
}

/** Returns the process's own files and streams. */
export function processIo(): CommandIo {
  return {
    lines: (path) =>
      createInterface({ input: path === '-' ? process.stdin : createReadStream(path), crlfDelay: Infinity }),
    write: (text) => process.stdout.write(text),
  };
}

/** Ends the process at SIGINT or SIGTERM with the exit code of a shell: 128 and the number of the signal. Unlike the
 *  default, this emits `exit`, at which files and processes of the command are removed. */
export function exitOnSignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** Returns the option `--fail-on warning`, for pipelines that require warnings to be fixed or accepted. */
export function failOnWarning(): Option {
  return new Option('--fail-on <severity>', 'exit 1 where there is a warning').choices(['warning']);
}

/** Parses a TCP port of the command line.
 *  @throws InvalidArgumentError */
export function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}
