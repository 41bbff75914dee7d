/** Whether what a report names as a source is there. */
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** Whether a page of the project has a heading, or a test file a title: `docs/ledger.md: Size and age`. */
export function hasPlace(at: string): boolean {
  const [, file, place] = /^(\S+): (.+)$/.exec(at) ?? [];
  if (file === undefined || !existsSync(new URL(file, root))) return false;
  const text = readFileSync(new URL(file, root), 'utf8');
  if (!file.endsWith('.md')) return text.includes(place!);
  return text.split('\n').some((line) => /^#+ /.test(line) && line.endsWith(` ${place}`));
}

/** Whether a file has something in a line: `policies/strict.yaml:12`. */
export function hasLine(at: string): boolean {
  const [, file, line] = /^(.+):(\d+)$/.exec(at) ?? [];
  if (file === undefined) return false;
  const path = file.startsWith('/') ? file : new URL(file, root);
  return /\S/.test(readFileSync(path, 'utf8').split('\n')[Number(line) - 1] ?? '');
}
