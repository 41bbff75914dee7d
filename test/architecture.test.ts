import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('..', import.meta.url).pathname;

interface Rule {
  readonly folder: string;
  readonly allowed: readonly string[];
}

function rules(): Rule[] {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  return [...page.matchAll(/^\| `(\w+)\/` +\|[^|]*\| ([^|]+) \|$/gm)].map(([, folder, allowed]) => ({
    folder: folder!,
    allowed: allowed!.trim() === 'nothing' ? [] : allowed!.split(',').map((name) => name.trim()),
  }));
}

function sources(folder: string): string[] {
  return readdirSync(join(root, 'src', folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'src', folder, file));
}

function folderImports(file: string): string[] {
  const code = readFileSync(file, 'utf8');
  const specifiers = [...code.matchAll(/(?:from|import|import\()\s*['"](\.[^'"]+)['"]/g)].map(
    (match) => match[1]!,
  );
  return specifiers.map((specifier) => relative(join(root, 'src'), join(file, '..', specifier)));
}

/** The first breach of a rule, in words, or undefined. */
function breach({ folder, allowed }: Rule): string | undefined {
  if (allowed.includes('everything')) return undefined;
  for (const file of sources(folder)) {
    for (const target of folderImports(file)) {
      const inside = target.startsWith(`${folder}/`);
      const permitted = allowed.some((name) => target.startsWith(`${name}/`) || target === `${name}.ts`);
      if (!inside && !permitted) return `${relative(root, file)} imports ${target}`;
    }
  }
  return undefined;
}

const table = rules();
const folders = readdirSync(join(root, 'src'));

describe('the import rules of ARCHITECTURE.md', () => {
  it('name every folder under src', () => {
    expect(folders.filter((folder) => !table.some((rule) => rule.folder === folder))).toEqual([]);
    expect(table.length).toBeGreaterThan(10);
  });

  it.each(table.filter((rule) => folders.includes(rule.folder)))('$folder/ keeps its rule', (rule) => {
    expect(breach(rule)).toBeUndefined();
  });

  it('would notice a breach', () => {
    expect(breach({ folder: 'stream', allowed: [] })).toMatch(/imports stanza/);
  });
});
