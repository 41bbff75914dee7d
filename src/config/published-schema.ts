/** The JSON Schema of `narthex.yaml` for editors (draft 2020-12), made from the schema that checks the file. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

const address = 'https://narthex.invalid/schema/narthex/v1.json';

/** The document that deploy/schema/narthex.schema.json holds. `narthex schema` prints it. */
export function publishedSchema(): Record<string, unknown> {
  // The input side: keys with defaults are not required of the person who writes the file.
  const { $schema, ...rest } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'throw' });
  return { $schema, $id: address, title: 'narthex.yaml', ...rest };
}
