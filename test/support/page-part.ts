/** The part of a page of the documents that tests write: what is between two comments. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface PagePart {
  readonly page: URL;
  /** The comments, whole. */
  readonly begin: string;
  readonly end: string;
}

export function readPart({ page, begin, end }: PagePart): string {
  return readFileSync(page, 'utf8').split(begin)[1]!.split(end)[0]!.trim();
}

export function writePart({ page, begin, end }: PagePart, text: string): void {
  const [before, rest] = readFileSync(page, 'utf8').split(begin);
  writeFileSync(page, `${before}${begin}\n\n${text}\n\n${end}${rest!.split(end)[1]!}`);
}

/** Lines of Markdown without the spaces and dashes by which its tables are aligned. */
export function unaligned(markdown: string): string[] {
  return markdown
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/[ -]*\|[ -]*/g, '|'));
}
