/** docs/exposure.md against the schema of the document. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { exposureDocument } from '../../../src/http/admin/exposure.ts';
import { configSchema } from '../../../src/config/schema.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/exposure.md'), 'utf8');

/** Names of all members, however deep. */
function membersOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {} } = schema as { properties?: object };
  return [...Object.keys(properties), ...Object.values(schema).flatMap(membersOf)].filter(
    (name) => !['type', 'pattern'].includes(name),
  );
}

it('names every member of the document', () => {
  const members = new Set(membersOf(z.toJSONSchema(exposureDocument)));
  expect(members).toContain('sessionsAtLeast');
  const explained = ['gatekeeper', 'name', 'percent', 'since', 'cause'];
  const missing = [...members].filter((name) => !page.includes(`\`${name}\``) && !explained.includes(name));
  expect(missing).toEqual([]);
});

it('has the default of the greatest number of rows', () => {
  const { default: rows } = z.toJSONSchema(configSchema.shape.admin, { io: 'input' }).properties![
    'exposureRowsMax'
  ] as { default: number };
  expect(page).toContain(`\`admin.exposureRowsMax\` (${rows.toLocaleString('en')})`);
});
