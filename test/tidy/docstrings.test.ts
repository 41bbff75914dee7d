import { expect, it } from 'vitest';
import { docstringsOf, draw } from './docstrings.ts';

const text =
  "/** Head. */\nimport 'x';\n\n/** Adds. */\nexport function add() {}\n// Not one.\n/* Nor this. */\n";
const all = docstringsOf('a.ts', text);

it('finds the docstrings of a file, each with the line that it describes', () => {
  expect(all).toEqual([
    { file: 'a.ts', line: 1, text: '/** Head. */', subject: "import 'x';" },
    { file: 'a.ts', line: 4, text: '/** Adds. */', subject: 'export function add() {}' },
  ]);
});

it('draws the same ones for the same seed, none twice', () => {
  const many = Array.from({ length: 100 }, (_, line) => ({ ...all[0]!, line }));
  const drawn = draw(many, 30, 7);
  expect(drawn).toEqual(draw(many, 30, 7));
  expect(drawn).not.toEqual(draw(many, 30, 8));
  expect(new Set(drawn).size).toBe(30);
  expect(draw(many, 200, 7)).toHaveLength(100);
});
