/** Makes the JSON Schema of `narthex.yaml` for editors (draft 2020-12) from the schema that checks the file. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

const address = 'https://narthex.invalid/schema/narthex/v1.json';

/** Returns the document in deploy/schema/narthex.schema.json. `narthex schema` prints it. */
export function publishedSchema(): Record<string, unknown> {
  // The input side: keys with defaults are optional in the file.
  const { $schema, ...rest } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'throw' });
  return { $schema, $id: address, title: 'narthex.yaml', ...rest };
}
