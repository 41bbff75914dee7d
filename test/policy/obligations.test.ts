/** The shipped obligations say of each rule by what it is kept, or that it is not. Where they name source, it is there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { catalogue, read, root } from './fixtures.ts';

interface Rule {
  readonly id: string;
  readonly requires?: readonly string[];
  readonly forbids?: readonly string[];
  readonly expects?: readonly string[];
  readonly 'kept-by'?: string;
  readonly where?: readonly string[];
  readonly 'not-kept'?: string;
}

const files = ['whatsapp-reference-offer', 'whatsapp-technical-framework'].map((name) => {
  const text = read(`policies/obligations/${name}.yaml`);
  return [name, text, (parse(text) as { readonly rules: readonly Rule[] }).rules] as const;
});

describe.each(files)('the shipped obligations: %s', (_, text, rules) => {
  it('say of each rule one of three: fields of a policy, what keeps it and where, or what is missing', () => {
    expect(rules.length).toBeGreaterThan(5);
    for (const { id, requires, forbids, expects, where, 'kept-by': keptBy, 'not-kept': notKept } of rules) {
      const said = [requires ?? forbids ?? expects, keptBy, notKept].filter((each) => each !== undefined);
      expect([id, said.length]).toEqual([id, 1]);
      expect([id, where !== undefined]).toEqual([id, keptBy !== undefined]);
    }
  });

  it('name source that is there, and fields that are in the catalogue', () => {
    const paths = [...rules.flatMap(({ where = [] }) => where), ...text.matchAll(/\((src\/[^)]+)\)/g)].map(
      (each) => (typeof each === 'string' ? each : each[1]!),
    );
    expect(paths.length).toBeGreaterThan(1);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const fields = rules.flatMap(({ requires = [], forbids = [], expects = [] }) => [
      ...requires,
      ...forbids,
      ...expects,
    ]);
    expect(fields.filter((field) => !catalogue.fields.has(field))).toEqual([]);
  });
});
