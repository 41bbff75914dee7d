/** `narthex config --effective`: the configuration with every default filled in. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { writeYaml } from '../documents/yaml.ts';

const help = `
Prints what serve would run by: the file, with every default, with absolute paths, and with what the environment adds.
Secrets are in files of their own: the paths are shown, and nothing of what is in the files. The output is a
configuration itself and means the same.

Example:
  $ narthex config --effective | diff - <(narthex config --effective --config other.yaml)

Exit codes: 0 printed, 64 wrong usage, 66 no such file, 78 wrong configuration.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('config')
    .description('Print the configuration that is in force, as YAML.')
    .requiredOption('--effective', 'with every default filled in')
    .option('--config <file>', 'by default $NARTHEX_CONFIG, then narthex.yaml')
    .addHelpText('after', help)
    .action(async ({ config: file }: { readonly config?: string }) => {
      const { config } = await loadConfig({ file, environment: process.env, folder: process.cwd() });
      process.stdout.write(writeYaml(config));
    });
}
