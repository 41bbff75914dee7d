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

/** Most words of a sentence. */
export const sentenceWordsMax = 30;

/** Sentences of a Markdown page that are longer, each with its line. A sentence ends with a full stop, a colon, or a
 *  question or exclamation mark; a row of a table is not read. */
export function longSentences(page: string): Prose[] {
  const paragraphs: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const { line, text } of markdownProse(page)) {
    const begins = /^\s*([-*] |\d+\. |#|\|)/.test(text);
    if (begins || text.trim() === '' || open === undefined || line > open.line + open.text.split('\n').length)
      paragraphs.push((open = { line, text }));
    else open.text += `\n${text}`;
  }
  return paragraphs
    .filter(({ text }) => !/^\s*\|/.test(text))
    .flatMap(({ line, text }) =>
      text
        .split(/[.:!?](?=\s|$)/)
        .filter((sentence) => (sentence.match(/\S*\w\S*/g) ?? []).length > sentenceWordsMax)
        .map((sentence) => ({ line, text: sentence.trim().replaceAll(/\s+/g, ' ') })),
    );
}

/** Comments of a YAML file, and its descriptions. */
export function yamlProse(file: string): Prose[] {
  return file.split('\n').flatMap((line, at): Prose[] => {
    const [text] = /(^|\s)#.*$|^\s*(description|title|summary|note):.*$/.exec(line) ?? [];
    return text === undefined ? [] : [{ line: at + 1, text }];
  });
}
