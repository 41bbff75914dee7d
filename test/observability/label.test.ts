import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { isLabel, label } from '../../src/observability/label.ts';

const src = join(import.meta.dirname, '../../src');

describe('a label', () => {
  it.each(['a', 'clients', 'clients-2', '0', 'a'.repeat(63)])('may be %s', (name) => {
    expect(label(name)).toBe(name);
    expect(configSchema.shape.listeners.element.shape.name.safeParse(name).success).toBe(true);
  });

  it.each(['', 'A', '-a', 'a b', 'a@b', 'a.b', 'ä', 'a\n', 'a'.repeat(64)])(
    'is never %j, nor is a name of the configuration',
    (name) => {
      expect(() => label(name)).toThrow(RangeError);
      expect(isLabel(name)).toBe(false);
      expect(configSchema.shape.listeners.element.shape.name.safeParse(name).success).toBe(false);
    },
  );

  it('is made by composition only, of the configuration', () => {
    const makers = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== join('observability', 'label.ts'))
      .filter((file) =>
        /import \{[^}]*\blabel\b[^}]*\} from '[^']*label\.ts'/.test(readFileSync(join(src, file), 'utf8')),
      );
    expect(makers.filter((file) => !file.startsWith('app/') && !file.startsWith('cli/'))).toEqual([]);
  });
});
