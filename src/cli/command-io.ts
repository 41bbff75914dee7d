import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { unreadable } from './input-error.ts';

/** What a command touches of the world, so that tests can be the world. */
export interface CommandIo {
  /** The lines of a file; `-` is standard input. Rejects with the file system's error. */
  lines(path: string): AsyncIterable<string>;
  write(text: string): void;
}

/** The lines of a file that the command line names. @throws InputError ERR_FILE */
export async function* readLines(io: CommandIo, path: string): AsyncIterable<string> {
  try {
    yield* io.lines(path);
  } catch {
    throw unreadable(path);
  }
}

/** The process's own files and streams. */
export function processIo(): CommandIo {
  return {
    lines: (path) =>
      createInterface({ input: path === '-' ? process.stdin : createReadStream(path), crlfDelay: Infinity }),
    write: (text) => process.stdout.write(text),
  };
}
