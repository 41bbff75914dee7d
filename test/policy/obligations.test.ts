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
  readonly 'kept-by'?: string;
  readonly where?: readonly string[];
  readonly 'not-kept'?: string;
}

const text = read('policies/obligations/whatsapp-reference-offer.yaml');
const { rules } = parse(text) as { readonly rules: readonly Rule[] };

describe('the shipped obligations', () => {
  it('say of each rule one of three: fields of a policy, what keeps it and where, or what is missing', () => {
    expect(rules.length).toBeGreaterThan(5);
    for (const { id, requires, forbids, where, 'kept-by': keptBy, 'not-kept': notKept } of rules) {
      const said = [requires ?? forbids, keptBy, notKept].filter((each) => each !== undefined);
      expect([id, said.length]).toEqual([id, 1]);
      expect([id, where !== undefined]).toEqual([id, keptBy !== undefined]);
    }
  });

  it('name source that is there, and fields that are in the catalogue', () => {
    const paths = [...rules.flatMap(({ where = [] }) => where), ...text.matchAll(/\((src\/[^)]+)\)/g)].map(
      (each) => (typeof each === 'string' ? each : each[1]!),
    );
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const fields = rules.flatMap(({ requires = [], forbids = [] }) => [...requires, ...forbids]);
    expect(fields.filter((field) => !catalogue.fields.has(field))).toEqual([]);
  });

  it('are written anew the day that a session speaks the chat channel', () => {
    const session = read('ARCHITECTURE.md')
      .split('\n')
      .find((line) => line.startsWith('| `session/`'))!;
    const usesIt = /\b(chat|noise)\b/.test(session);
    expect(usesIt).toBe(!rules.some((rule) => rule['not-kept']?.includes('src/chat/') === true));
  });
});
