/** `narthex config --effective`: the configuration with every default filled in. `narthex schema`: its JSON Schema. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { publishedSchema } from '../config/published-schema.ts';
import { writeYaml } from '../documents/yaml.ts';

const configHelp = `
Prints what serve would run by: the file, with every default, with absolute paths, and with what the environment adds.
Secrets are in files of their own: the paths are shown, and nothing of what is in the files. The output is a
configuration itself and means the same.

Example:
  $ narthex config --effective | diff - <(narthex config --effective --config other.yaml)

Exit codes: 0 printed, 64 wrong usage, 66 no such file, 78 wrong configuration.`;

/** Adds `config`. */
export function registerConfig(program: Command): void {
  program
    .command('config')
    .description('Print the configuration that is in force, as YAML.')
    .requiredOption('--effective', 'with every default filled in')
    .option('--config <file>', 'by default $NARTHEX_CONFIG, then narthex.yaml')
    .addHelpText('after', configHelp)
    .action(async ({ config: file }: { readonly config?: string }) => {
      const { config } = await loadConfig({ file, environment: process.env, folder: process.cwd() });
      process.stdout.write(writeYaml(config));
    });
}

const schemaHelp = `
Example:
  $ narthex schema > narthex.schema.json

Then put this on the first line of narthex.yaml, and editors complete and check it:
  # yaml-language-server: $schema=narthex.schema.json`;

/** Adds `schema`. */
export function registerSchema(program: Command): void {
  program
    .command('schema')
    .description('Print the JSON Schema (draft 2020-12) of narthex.yaml.')
    .addHelpText('after', schemaHelp)
    .action(() => {
      process.stdout.write(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
    });
}
