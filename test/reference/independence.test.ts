/** The reference shares no code with the engine: it imports its own files, Node and two parsers, and reads the catalogue. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const folder = import.meta.dirname;
const permitted = /^(\.\/[a-z-]+\.ts|node:(crypto|fs|net|url)|saxes|yaml)$/;

it('imports nothing of src/', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  expect(files.length).toBeGreaterThan(6);
  for (const file of files) {
    const code = readFileSync(`${folder}/${file}`, 'utf8');
    const imported = [...code.matchAll(/^import\b[^;]*?'([^']+)';/gm)].map(([, name]) => name!);
    expect(imported.length, file).toBe(code.match(/^import\b/gm)?.length ?? 0);
    expect(code, file).not.toMatch(/\bimport\(|\brequire\(|^export\b[^;=]*\bfrom '/m);
    for (const name of imported) expect(name, file).toMatch(permitted);
    for (const [path] of code.matchAll(/'\.\.\/[^']*'/g))
      expect(path, file).toBe("'../../policies/catalogue/'");
  }
});
