/** The running text of documents: Markdown without code, YAML without values. */
import type { Prose } from './source.ts';

/** Lines of a Markdown page. Fenced blocks, code spans, link targets and HTML comments are left out. */
export function markdownProse(page: string): Prose[] {
  let fenced = false;
  return page.split('\n').flatMap((line, at): Prose[] => {
    const fence = line.trimStart().startsWith('```');
    if (fence) fenced = !fenced;
    if (fence || fenced) return [];
    const text = line
      .replaceAll(/`[^`]*`/g, '…')
      .replaceAll(/\]\([^)]*\)/g, ']')
      .replaceAll(/<!--.*?-->/g, '');
    return [{ line: at + 1, text }];
  });
}

/** Comments of a YAML file, and its descriptions. */
export function yamlProse(file: string): Prose[] {
  return file.split('\n').flatMap((line, at): Prose[] => {
    const [text] = /(^|\s)#.*$|^\s*(description|title|summary|note):.*$/.exec(line) ?? [];
    return text === undefined ? [] : [{ line: at + 1, text }];
  });
}
