import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import type { Outline } from '../../src/config/outline.ts';
import { publishedSchema } from '../../src/config/published-schema.ts';
import { configSchema } from '../../src/config/schema.ts';
import { folderWith } from './folder.ts';

const root = join(import.meta.dirname, '../..');
const example = readFileSync(join(root, 'deploy/examples/narthex.yaml'), 'utf8');

interface Leaf extends Outline {
  readonly default?: unknown;
}

/** Every key of the schema with its path. */
function* keys(outline: Outline, path = ''): Generator<[string, Leaf]> {
  for (const shape of outline.anyOf ?? [outline]) {
    for (const [key, value] of Object.entries(shape.properties ?? {})) {
      yield [`${path}.${key}`, value];
      yield* keys(value, `${path}.${key}`);
    }
    if (shape.items !== undefined) yield* keys(shape.items, `${path}[]`);
  }
}

describe('the published schema', () => {
  it('is the one in deploy/schema (regenerate: node src/cli/main.ts schema > deploy/schema/narthex.schema.json)', () => {
    const published: unknown = JSON.parse(
      readFileSync(join(root, 'deploy/schema/narthex.schema.json'), 'utf8'),
    );
    expect(published).toEqual(JSON.parse(JSON.stringify(publishedSchema())));
  });

  it('describes every key', () => {
    const all = [...keys(publishedSchema())];
    expect(all.length).toBeGreaterThan(45);
    expect(all.filter(([, { description }]) => !description).map(([path]) => path)).toEqual([]);
  });

  it('has a unit in the name of every number that has one', () => {
    const numbers = [...keys(publishedSchema())].filter(([, { type }]) => type === 'integer');
    const free = numbers.map(([path]) => path.split('.').at(-1)!).filter((key) => !/(Ms|Max)$/.test(key));
    // Numbers of a registry count nothing. Replicas are their own unit.
    const registered = ['port', 'ja4Type', 'p0fType', 'hmacType', 'attestationType'];
    const chat = ['rootSerial', 'integrator', 'platform'];
    expect(new Set(free)).toEqual(new Set(['replicas', 'padToBytes', ...registered, ...chat]));
  });

  it('requires of people only what has no default', () => {
    const { required } = publishedSchema() as Outline;
    expect(required).toEqual(['apiVersion', 'kind', 'listeners', 'certificates', 'domains', 'gatekeepers']);
  });
});

describe('the example', () => {
  it('loads', async () => {
    const folder = await folderWith({
      'narthex.yaml': example.replaceAll('tls/tls', 'tls'),
      'tls.crt': '',
      'tls.key': '',
    });
    const { config } = await loadConfig({ folder, environment: {} });
    expect(config.domains.map(({ domain }) => domain)).toEqual(['chat.example', 'other.example']);
  });

  it('shows every section with the defaults it would have without it', () => {
    const written = parse(example) as Record<string, unknown>;
    const required = { ...written };
    const optional = ['limits', 'timeouts', 'overload', 'admin', 'log'] as const;
    for (const key of optional) delete required[key];
    const byDefault = configSchema.parse(required);
    for (const key of optional) expect(written[key]).toEqual(byDefault[key]);
  });

  it('is still one when nothing is a comment', () => {
    const [head, ...body] = example.split(/(?=\napiVersion)/);
    // A comment that is a key, an entry with one, or a remark among such.
    const text = body.join('').replaceAll(/^( *)# ( *(?:- )?(?:[a-z]\w*:(?: .*)?|#.*))$/gm, '$1$2');
    const { capabilities, provider, http, regions, signals, tracing } = configSchema.parse(
      parse(head! + text),
    );
    expect([capabilities, provider, http, regions, signals, tracing.otlpEndpoint]).not.toContain(undefined);
  });

  it('names every key, if only in a comment', () => {
    for (const [path] of keys(publishedSchema())) expect(example).toContain(`${path.split('.').at(-1)!}:`);
  });
});
