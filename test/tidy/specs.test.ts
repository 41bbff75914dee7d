/** SPECS.md names the file and the test of each standard. This verifies that they are there. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;

/** `a/{b,c/{d,e}}.ts` is three paths. */
function alternatives(path: string): string[] {
  const [braces, inside] = /\{([^{}]*)\}/.exec(path) ?? [];
  if (braces === undefined) return [path];
  return inside!.split(',').flatMap((each) => alternatives(path.replace(braces, each)));
}

it('every path in SPECS.md is there', () => {
  const page = readFileSync(join(root, 'SPECS.md'), 'utf8');
  const paths = [...page.matchAll(/`((?:src|test|policies|docs|deploy)\/[^`]*)`/g)].flatMap(([, path]) =>
    alternatives(path!),
  );
  expect(paths.length).toBeGreaterThan(80);
  expect(paths.filter((path) => globSync(path, { cwd: root }).length === 0)).toEqual([]);
});
