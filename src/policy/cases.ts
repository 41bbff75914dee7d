/** Test cases as files: the given stanza, a line of ten hyphens, the expected stanza, and, after another such line,
 *  the expected reply to its sender. `x.to-client.xml` is sent to the client, every other file to the gatekeeper. */
import type { Direction } from '../stanza/direction.ts';
import type { TextFile } from './catalogue.ts';
import type { InlineTest } from './policy.ts';

export const separator = '----------';

export function sections(text: string): string[] {
  return text.split(`\n${separator}\n`).map((part) => part.trim());
}

export function directionOf(file: string): Direction {
  return file.endsWith('.to-client.xml') ? 'to-client' : 'to-gatekeeper';
}

/** Reads a test case.
 *  @returns undefined when the file has fewer than two or more than three sections */
export function toTest({ file, text }: TextFile): InlineTest | undefined {
  const [given, expect, reply, ...rest] = sections(text);
  if (given === undefined || expect === undefined || rest.length > 0) return undefined;
  return {
    name: file,
    from: directionOf(file) === 'to-client' ? 'gatekeeper' : 'client',
    given,
    expect: expect === '' ? 'nothing' : expect,
    place: { file, line: 1, column: 1 },
    ...(reply === undefined ? {} : { reply }),
  };
}
