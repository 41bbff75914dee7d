/** Pages that tie what they claim to a test, by its file and title: `test/a.test.ts`: "title", "another title". */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

export interface Tie {
  /** Path below the root. */
  readonly file: string;
  /** A part of a line that names a test or a row of its table. */
  readonly title: string;
}

/** Returns the ties of a page or a part of it. */
export function tiesOf(text: string): Tie[] {
  return [...text.matchAll(/`(test\/[^`]+)`: ("[^"]+"(?:, "[^"]+")*)/g)].flatMap(([, file, titles]) =>
    [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => ({ file: file!, title: title! })),
  );
}

/** Returns whether the file has such a test. */
export function isThere({ file, title }: Tie): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  const titles = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => /\b(it|test|describe)\b|^\s*\[?['"`]/.test(line));
  return titles.some((line) => line.includes(title));
}
