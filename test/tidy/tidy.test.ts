/** Holds the prose of the repository to its list of words, every source file to a head comment, and functions to a
 *  length. allowed.json has what is left, by folder: it may only fall (`npm run tidy -- --write`). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { longSentences, markdownProse, yamlProse } from './page.ts';
import { allHits, hitsInSource, tablePath, tally, type Tally } from './tally.ts';
import { words } from './words.ts';

const allowed = JSON.parse(readFileSync(tablePath, 'utf8')) as Tally;

describe('the repository', () => {
  it('has no more hits than allowed.json lists', () => {
    const hits = allHits();
    const excess = Object.entries(tally(hits)).flatMap(([folder, kinds]) =>
      Object.entries(kinds)
        .filter(([kind, count]) => count > (allowed[folder]?.[kind as never] ?? 0))
        .map(([kind, count]) => `${folder}: ${count} × ${kind}; npm run tidy -- ${folder} lists them`),
    );
    expect(excess).toEqual([]);
  }, 120_000);
});

describe('the list of words', () => {
  it.each([
    ['whoever asks', 1],
    ['is told about', 1],
    ['a way out for nobody', 2],
    ['beside the point', 1],
    ['what is behind it', 1],
    ['behind a load balancer, behind the proxy, behind-balancer', 0],
    ['each client and every one of its peers', 0],
    ['for whom it goes nowhere, in vain', 3],
    ['the bytes as they came, without a word', 2],
    ['an issuer that knows nothing and hears of no token', 2],
    ['says nothing; policy mode says enforce', 1],
    ['a key of ours', 1],
  ])('%s', (text, count) => {
    expect(words.flatMap(({ pattern }) => [...text.matchAll(pattern)])).toHaveLength(count);
  });
});

describe('the parts of a file that are read', () => {
  const kinds = (file: string, text: string): string[] => hitsInSource(file, text).map(({ kind }) => kind);

  it('is comments and strings under src/, comments and titles under test/', () => {
    const text =
      "/** Head. */\n// nobody\nconst nobody = 'somebody';\nit('told', () => {});\nit.each([1])('is told', () => {});";
    expect(kinds('src/a/b.ts', text)).toEqual(['word', 'word', 'word']);
    expect(kinds('test/a/b.ts', text)).toEqual(['word', 'word']);
  });

  it('is the names of cases: first texts of rows, and quoted keys', () => {
    const text =
      "const a = [['one nobody knows', 'to nobody'], ['nobody'], ['<a nobody']];\nconst b = { 'for nobody': 1 };";
    expect(hitsInSource('test/a/b.ts', text).map(({ line }) => line)).toEqual([1, 2]);
  });

  it('is the head comment, before or after the imports', () => {
    expect(kinds('src/a/b.ts', "/** Head. */\nimport 'x';\nconst a = 1;")).toEqual([]);
    expect(kinds('src/a/b.ts', "import 'x';\n\n/** Head. */\n\nconst a = 1;")).toEqual([]);
    expect(kinds('src/a/b.ts', "import 'x';\n\nconst a = 1;\n/** Not the head. */\nconst b = 1;")).toEqual([
      'no head comment',
    ]);
  });

  it('is the length of every function', () => {
    const long = `/** Head. */\nclass A {\n  #run() {\n${'    run();\n'.repeat(70)}  }\n}`;
    expect(hitsInSource('src/a/b.ts', long)).toEqual([
      { kind: 'long function', file: 'src/a/b.ts', line: 3, note: 'run: 72 lines' },
    ]);
    expect(kinds('src/stream/scanner.ts', long)).toEqual([]);
  });

  it('is the errors that a documented function throws and does not name', () => {
    const thrower = (doc: string, body: string): string[] =>
      kinds('src/a/b.ts', `/** Head. */\nimport 'x';\n${doc}\nexport function a() {\n${body}\n}`);
    expect(thrower('/** Adds. */', "throw new Error('x');")).toEqual(['throws unsaid']);
    expect(thrower('/** Adds.\n *  @throws Error */', "throw new Error('x');")).toEqual([]);
    expect(thrower('', "throw new Error('x');")).toEqual([]);
    expect(thrower('/** Adds. */', 'const b = () => { throw new Error(); };')).toEqual([]);
    expect(thrower('/** Adds. */', 'try { throw new Error(); } catch (error) { throw error; }')).toEqual([]);
    expect(thrower('/** Adds. */', 'try { b(); } catch { throw refusal(); }')).toEqual(['throws unsaid']);
  });

  it('is the text of a page without its code', () => {
    const page = 'One `nobody` [link](nobody.md)\n```sh\nnobody\n```\n<!-- nobody -->\nlast';
    expect(markdownProse(page).map(({ line, text }) => `${line} ${text}`)).toEqual([
      '1 One … [link]',
      '5 ',
      '6 last',
    ]);
  });

  it('is the sentences that are too long, over the lines of a paragraph', () => {
    const words = (count: number): string => Array(count).fill('word').join(' ');
    const page = `${words(30)}. ${words(20)}\n${words(11)}: ${words(10)}\n\n- ${words(31)}\n| ${words(40)} |`;
    expect(longSentences(page).map(({ line }) => line)).toEqual([1, 4]);
  });

  it('is the comments of YAML, and its descriptions', () => {
    const file = '# one\na: b # two\ndescription: three\nname: four';
    expect(yamlProse(file).map(({ line }) => line)).toEqual([1, 2, 3]);
  });
});
