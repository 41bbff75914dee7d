/** `npm run tidy:docstrings [-- --seed S] [--count N]`: draws docstrings from src/ for a person to read. The same seed
 *  draws the same ones from the same sources. Each is to say what it does, what it returns and when it throws. */
import { parse } from '@babel/parser';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.ts';

const root = new URL('../..', import.meta.url).pathname;

/** A docstring and the line that it describes. */
export interface Docstring {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly subject: string;
}

/** Every docstring of a source file, in order; a head comment is one. */
export function docstringsOf(file: string, text: string): Docstring[] {
  const { comments } = parse(text, {
    sourceType: 'module',
    plugins: ['typescript', 'explicitResourceManagement'],
  });
  return (comments ?? [])
    .filter(({ type, value }) => type === 'CommentBlock' && value.startsWith('*'))
    .map(({ value, loc, end }) => ({
      file,
      line: loc!.start.line,
      text: `/*${value}*/`,
      subject: text.slice(end!).trimStart().split('\n')[0]!,
    }));
}

/** Draws `count` of them without repetition, sorted by file and line. */
export function draw(docstrings: readonly Docstring[], count: number, seed: number): Docstring[] {
  const random = new Random(seed);
  const left = [...docstrings];
  const drawn: Docstring[] = [];
  while (drawn.length < count && left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } });
  const seed = Number(values.seed ?? Math.ceil(Math.random() * 1_000_000));
  const docstrings = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => !/\.(wasm|as)\.ts$/.test(file))
    .toSorted()
    .flatMap((file) => docstringsOf(file, readFileSync(join(root, file), 'utf8')));
  console.log(`seed ${seed}: of ${docstrings.length} docstrings\n`);
  for (const { file, line, text, subject } of draw(docstrings, Number(values.count ?? 30), seed))
    console.log(`${file}:${line}\n${text}\n${subject}\n`);
}
