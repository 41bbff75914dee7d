/** What a file of `cli/` constructs by itself: an instance of a class from another folder, or what a function of another
 *  folder makes whose name begins with create, open, start, serve or listen. Functions of `app/` may be called: to
 *  construct is what that folder is for. */
import { folderOf } from './imports.ts';
import { join } from 'node:path';

const importClause = /import\s+(?!type\b)\{([^}]*)\}\s+from\s+'(\.[^']+)'/g;
const opener = /^(?:create|open|start|serve|listen)[A-Z]/;

/** `file: new Class` and `file: opener()` for each that the code contains.
 *  @param file a path relative to `src/` */
export function constructions(file: string, code: string): string[] {
  const names = [...code.matchAll(importClause)].flatMap(([, clause, target]) =>
    isForeign(file, target!) ? namesIn(clause!) : [],
  );
  return names.flatMap((name) => {
    if (new RegExp(`\\bnew ${name}\\b`).test(code)) return [`${file}: new ${name}`];
    return opener.test(name) && new RegExp(`\\b${name}\\(`).test(code) ? [`${file}: ${name}()`] : [];
  });
}

/** Whether an import reaches a folder other than the file's own and `app/`. */
function isForeign(file: string, target: string): boolean {
  return !['app', folderOf(file)].includes(folderOf(join(file, '..', target)));
}

/** The local names of an import clause, types left out. */
function namesIn(clause: string): string[] {
  return clause
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(' as ').at(-1)!);
}
