/** Counts what the tidy test allows only so much of, by folder. `node test/tidy/tally.ts` prints every hit;
 *  `--write` writes the table of today's counts, which may only fall. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { longSentences, markdownProse, yamlProse } from './page.ts';
import { readSource, type Prose } from './source.ts';
import { words } from './words.ts';

export const root = new URL('../..', import.meta.url).pathname;

/** Something that the tidy test allows only so much of. */
export interface Hit {
  readonly kind: 'word' | 'long sentence' | 'no head comment' | 'long function' | 'throws unsaid';
  readonly file: string;
  readonly line: number;
  readonly note: string;
}

/** Longest function, in lines. The scanner is one state machine in the order bytes arrive. */
const functionLinesMax = 70;
const longFunctionsIn: ReadonlySet<string> = new Set(['src/stream/scanner.ts']);

const sourceFiles = 'src/**/*.ts';
const testFiles = 'test/**/*.ts';
const pages = ['*.md', 'docs/**/*.md', 'policies/**/*.md', '.github/**/*.md'];
const annotated = ['policies/**/*.yaml', 'deploy/**/*.yaml'];

/** The list itself with its test, and records of the past. */
const exempt = /^(test\/tidy\/(words|tidy\.test)\.ts|CHANGELOG\.md|docs\/decisions\/.*)$|\.(wasm|as)\.ts$/;

function listed(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: root })
    .filter((file) => !exempt.test(file) && !file.includes('node_modules'))
    .toSorted();
}

function wordsIn(file: string, prose: readonly Prose[]): Hit[] {
  return prose.flatMap(({ line, text }) =>
    words.flatMap(({ pattern, say }) =>
      [...text.matchAll(pattern)].map(([found]) => ({
        kind: 'word' as const,
        file,
        line,
        note: `"${found}": ${say}`,
      })),
    ),
  );
}

/** Hits of one TypeScript file, given its text. */
export function hitsInSource(file: string, text: string): Hit[] {
  const { comments, strings, titles, functions, hasHead } = readSource(text);
  const own = file.startsWith('src/');
  const head: Hit[] =
    own && !hasHead ? [{ kind: 'no head comment', file, line: 1, note: 'says what the file is' }] : [];
  const long = functions.filter(({ lines }) => own && lines > functionLinesMax && !longFunctionsIn.has(file));
  const unsaid = functions.filter(({ throwsUnsaid }) => own && throwsUnsaid);
  return [
    ...wordsIn(file, [...comments, ...(own ? strings : titles)]),
    ...head,
    ...long.map(({ name, line, lines }): Hit => ({
      kind: 'long function',
      file,
      line,
      note: `${name}: ${lines} lines`,
    })),
    ...unsaid.map(({ name, line }): Hit => ({
      kind: 'throws unsaid',
      file,
      line,
      note: `${name}: add @throws`,
    })),
  ];
}

/** Hits of one Markdown page, given its text. */
function hitsInPage(file: string, text: string): Hit[] {
  const long = longSentences(text);
  return [
    ...wordsIn(file, markdownProse(text)),
    ...long.map(({ line, text }): Hit => ({ kind: 'long sentence', file, line, note: text })),
  ];
}

/** Whether a file can have a hit at all. Parsing every file would cost ten times as much. */
function isSuspect(file: string, text: string): boolean {
  if (words.some(({ pattern }) => text.search(pattern) !== -1)) return true;
  if (!file.startsWith('src/')) return false;
  return !text.startsWith('/**') || text.split('\n').length > functionLinesMax || text.includes('throw ');
}

/** Every hit in the repository. */
export function allHits(): Hit[] {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  return [
    ...listed([sourceFiles, testFiles]).flatMap((file) => {
      const text = read(file);
      return isSuspect(file, text) ? hitsInSource(file, text) : [];
    }),
    ...listed(pages).flatMap((file) => hitsInPage(file, read(file))),
    ...listed(annotated).flatMap((file) => wordsIn(file, yamlProse(read(file)))),
  ];
}

/** Counts by folder: `src/session`, `test/http`; a document by its own name. */
export type Tally = Readonly<Record<string, Readonly<Partial<Record<Hit['kind'], number>>>>>;

function folderOf(file: string): string {
  return /^(src|test)\/[^/]+/.exec(file)?.[0] ?? file;
}

export function tally(hits: readonly Hit[]): Tally {
  const folders = Map.groupBy(hits, ({ file }) => folderOf(file));
  return Object.fromEntries(
    [...folders]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([folder, inside]) => {
        const kinds = [...Map.groupBy(inside, ({ kind }) => kind)];
        return [folder, Object.fromEntries(kinds.map(([kind, { length }]) => [kind, length]))];
      }),
  );
}

export const tablePath = join(import.meta.dirname, 'allowed.json');

if (import.meta.main) {
  const hits = allHits();
  const wanted = process.argv[2];
  if (wanted === '--write') writeFileSync(tablePath, `${JSON.stringify(tally(hits), undefined, 2)}\n`);
  else
    for (const { kind, file, line, note } of hits)
      if (wanted === undefined || file.startsWith(wanted)) console.log(`${file}:${line}: ${kind}: ${note}`);
}
