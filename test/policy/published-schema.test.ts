import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { catalogueJsonSchema } from '../../src/policy/catalogue-schema.ts';
import { policyJsonSchema } from '../../src/policy/schema.ts';
import { read, root } from './fixtures.ts';

it.each([
  ['metadata-policy', policyJsonSchema()],
  ['catalogue', catalogueJsonSchema()],
])('deploy/schema/%s.schema.json is the schema in force (UPDATE_GOLDEN=1 writes it)', (name, schema) => {
  const file = `deploy/schema/${name}.schema.json`;
  if (process.env['UPDATE_GOLDEN'] === '1')
    writeFileSync(`${root}/${file}`, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(read(file))).toEqual(JSON.parse(JSON.stringify(schema)));
});
