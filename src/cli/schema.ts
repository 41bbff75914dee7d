/** `narthex schema`: the JSON Schema of narthex.yaml. */
import type { Command } from 'commander';
import { publishedSchema } from '../config/published-schema.ts';

const help = `
Example:
  $ narthex schema > narthex.schema.json

Then put this on the first line of narthex.yaml, and editors complete and check it:
  # yaml-language-server: $schema=narthex.schema.json`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('schema')
    .description('Print the JSON Schema (draft 2020-12) of narthex.yaml.')
    .addHelpText('after', help)
    .action(() => {
      process.stdout.write(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
    });
}
