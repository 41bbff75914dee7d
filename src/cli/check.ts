/** `narthex check`: would the proxy start with this configuration? */
import type { Command } from 'commander';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { ConfigError } from '../config/problem.ts';
import { verifyFiles, type Verification } from '../config/verify.ts';
import { formatProblem } from '../config/problem.ts';
import { exitCodes } from './exit.ts';

interface CheckOptions {
  readonly format: string;
}

const help = `
Reads the file as serve does, verifies every certificate and key it names, and says what would be served. Nothing is
opened and nobody is called.

Exit codes: 0 fine (perhaps with warnings), 66 no such file, 78 wrong: every problem is printed as
file:line:column: error CODE: message.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('check')
    .summary('verify a configuration without running it')
    .description('Verify narthex.yaml and every file it names.')
    .argument('[file]', 'configuration; by default $NARTHEX_CONFIG, then narthex.yaml')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', help)
    .action(async (file: string | undefined, { format }: CheckOptions) => {
      const loaded = await loadConfig({ file, environment: process.env, folder: process.cwd() });
      const verification = await verifyFiles(loaded, Date.now());
      const errors = verification.problems.filter(({ severity }) => severity === 'error');
      if (errors.length > 0) throw new ConfigError(verification.problems);
      process.stdout.write(format === 'json' ? json(loaded, verification) : text(loaded, verification));
      process.exitCode = exitCodes.ok;
    });
}

function json({ file, config }: LoadedConfig, verification: Verification): string {
  return `${JSON.stringify({ file, ...config, certificates: verification.certificates, warnings: verification.problems })}\n`;
}

function text({ file, config }: LoadedConfig, { certificates, problems }: Verification): string {
  return [
    ...problems.map(formatProblem),
    `${file} is fine.`,
    ...config.listeners.map(
      ({ name, host, port, tls }) => `  listener    ${name}: ${host} port ${port}, ${tls}`,
    ),
    ...config.domains.map(({ domain, gatekeeper }) => `  domain      ${domain} → ${gatekeeper}`),
    ...certificates.map(({ names, notAfter }) => `  certificate ${names}, until ${notAfter}`),
    `  admin       ${config.admin.host} port ${config.admin.port}`,
    '',
  ].join('\n');
}
