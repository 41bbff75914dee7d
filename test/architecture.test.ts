/** ARCHITECTURE.md against the imports of `src/`: what may be imported, what is, and the picture of it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { constructions } from './support/constructions.ts';
import { cycleIn, fileGraph, folderGraph, folderOf, reduced, type Graph } from './support/imports.ts';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const pagePath = join(root, 'ARCHITECTURE.md');
const page = readFileSync(pagePath, 'utf8');

interface Rule {
  readonly folder: string;
  /** Folders, and single files as `folder/file`. */
  readonly allowed: readonly string[];
}

function rules(): Rule[] {
  return [...page.matchAll(/^\| `(\w+)\/` +\|[^|]*\| ([^|]+) \|$/gm)].map(([, folder, allowed]) => ({
    folder: folder!,
    allowed: allowed!.trim() === 'nothing' ? [] : allowed!.split(',').map((name) => name.trim()),
  }));
}

/** Whether a permission covers a path. */
function covers(permission: string, target: string): boolean {
  return target.startsWith(`${permission}/`) || target === `${permission}.ts`;
}

/** Imports of other folders that a rule does not permit. */
function breaches(files: Graph, { folder, allowed }: Rule): string[] {
  return importsFrom(files, folder)
    .filter(([, target]) => !allowed.some((permission) => covers(permission, target)))
    .map(([file, target]) => `${file} imports ${target}`);
}

/** Permissions of a rule that no import needs. */
function unused(files: Graph, { folder, allowed }: Rule): string[] {
  const imports = importsFrom(files, folder);
  return allowed.filter((permission) => !imports.some(([, target]) => covers(permission, target)));
}

/** What the files of a folder import from other folders. */
function importsFrom(files: Graph, folder: string): [file: string, target: string][] {
  return [...files]
    .filter(([file]) => folderOf(file) === folder)
    .flatMap(([file, targets]) => [...targets].map((target): [string, string] => [file, target]))
    .filter(([, target]) => folderOf(target) !== folder);
}

const table = rules();
const folders = readdirSync(src);
const files = fileGraph(src);

describe('the import rules of ARCHITECTURE.md', () => {
  it('have one row for each folder under src, and none for another', () => {
    expect(table.map(({ folder }) => folder).toSorted()).toEqual(folders.toSorted());
    expect(table.length).toBeGreaterThan(10);
  });

  it.each(table)('$folder/ imports what it may', (rule) => {
    expect(breaches(files, rule)).toEqual([]);
  });

  it.each(table)('$folder/ needs every permission it has', (rule) => {
    expect(unused(files, rule)).toEqual([]);
  });

  it('would notice a breach, and a permission without a use', () => {
    expect(breaches(files, { folder: 'stream', allowed: [] })[0]).toMatch(/^stream\/.* imports stanza\//);
    expect(unused(files, { folder: 'stream', allowed: ['stanza', 'http'] })).toEqual(['http']);
  });
});

describe('the sources', () => {
  it('have no cycle between folders', () => {
    expect(cycleIn(folderGraph(files))).toBeUndefined();
  });

  it('have no cycle between files, type imports included', () => {
    expect(cycleIn(files)).toBeUndefined();
  });

  it('import only files that exist', () => {
    const targets = new Set([...files.values()].flatMap((imports) => [...imports]));
    const known = (file: string): boolean => files.has(file) || !file.endsWith('.ts');
    expect([...targets].filter((target) => !known(target))).toEqual([]);
    expect(targets.size).toBeGreaterThan(200);
  });

  it('would notice a cycle', () => {
    const graph = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c'])],
      ['c', new Set(['b'])],
    ]);
    expect(cycleIn(graph)).toEqual(['b', 'c', 'b']);
  });
});

describe('the tape', () => {
  it('is imported by stream/ and stanza/ only: others ask the stanza, and edit with stanza/edits.ts', () => {
    const readers = [...files].flatMap(([file, targets]) =>
      targets.has('stanza/tape.ts') ? [folderOf(file)] : [],
    );
    expect([...new Set(readers)].toSorted()).toEqual(['stanza', 'stream']);
  });
});

describe('cli/', () => {
  const commands = [...files.keys()].filter((file) => folderOf(file) === 'cli');

  it('has at most 25 files', () => {
    expect(commands.length).toBeLessThanOrEqual(25);
  });

  it('constructs nothing: that is for app/', () => {
    expect(commands.flatMap((file) => constructions(file, readFileSync(join(src, file), 'utf8')))).toEqual(
      [],
    );
  });

  it('would notice what it constructs', () => {
    const code = `
      import { Scanner, type Sink } from '../stream/scanner.ts';
      import { openLog } from '../observability/log.ts';
      import { openPolicies } from '../app/parts/policies.ts';
      import { createHash } from 'node:crypto';
      openPolicies(); createHash('sha256'); new Map(); openLog({}); new Scanner({});`;
    expect(constructions('cli/x.ts', code)).toEqual(['cli/x.ts: new Scanner', 'cli/x.ts: openLog()']);
  });
});

describe('the services of http/', () => {
  const services = ['admin', 'discovery', 'enlistment', 'issuer', 'media', 'push'];
  const serviceOf = (file: string): string | undefined =>
    services.find((service) => file.startsWith(`http/${service}/`));

  it('do not import each other', () => {
    expect(services.every((service) => [...files.keys()].some((file) => serviceOf(file) === service))).toBe(
      true,
    );
    const crossing = [...files].flatMap(([file, targets]) =>
      [...targets]
        .filter((target) => serviceOf(file) !== undefined && serviceOf(target) !== undefined)
        .filter((target) => serviceOf(file) !== serviceOf(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(crossing).toEqual([]);
  });
});

describe('the picture of the folders in ARCHITECTURE.md', () => {
  it('shows the imports (UPDATE_GOLDEN=1 draws it anew)', () => {
    const arrows = [...reduced(folderGraph(files))].flatMap(([folder, targets]) =>
      targets.size === 0 ? [] : [`  ${folder} --> ${[...targets].toSorted().join(' & ')}`],
    );
    const picture = ['```mermaid', 'flowchart TD', ...arrows.toSorted(), '```'].join('\n');
    const fresh = page.replace(/```mermaid\nflowchart TD\n[^`]*```/, picture);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(pagePath, fresh);
    expect(readFileSync(pagePath, 'utf8')).toContain(picture);
  });

  it('leaves out what follows from other arrows', () => {
    const graph = new Map([
      ['a', new Set(['b', 'c'])],
      ['b', new Set(['c'])],
      ['c', new Set<string>()],
    ]);
    expect(reduced(graph).get('a')).toEqual(new Set(['b']));
  });
});

describe('the decisions', () => {
  const folder = join(root, 'docs/decisions');
  const records = readdirSync(folder).filter((file) => file !== 'README.md');

  it('have a number each', () => {
    const numbers = records.map((file) => Number(file.slice(0, 4)));
    expect(numbers.filter((number) => number > 0)).toHaveLength(new Set(numbers).size);
  });

  it('have one line each in ARCHITECTURE.md, with the title of the record', () => {
    const lines = [...page.matchAll(/^- \[(\d{4})\]\(docs\/decisions\/([^)]+)\) (.+)$/gm)];
    const listed = lines.map(([, number, file, title]) => ({ number, file, title }));
    const written = records.toSorted().map((file) => ({
      number: file.slice(0, 4),
      file,
      title: /^# \d+\. (.+)$/m.exec(readFileSync(join(folder, file), 'utf8'))?.[1],
    }));
    expect(listed).toEqual(written);
  });

  it.each(records)('%s says context, decision, alternatives, figures and consequences', (file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(['Context', 'Decision', 'Alternatives', 'Figures', 'Consequences']);
    expect(basename(file)).toMatch(/^\d{4}(-[a-z0-9]+)+\.md$/);
  });
});
