/** `narthex serve`: the proxy and its admin port, until a signal drains them. */
import type { Command } from 'commander';
import { runService, type ServiceControl } from '../app/service.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { standardInput } from '../documents/read.ts';
import { exitCodes } from '../errors/exit.ts';
import { reportOutput } from './report.ts';
import { misused } from './input-error.ts';

const help = `
Everything starts or nothing does: a wrong configuration, a certificate that does not load or a port in use ends the
command before the first connection.

Policies, capability profiles, certificates and keys that change on disk are taken over while it runs; SIGHUP and
POST /api/reload read all of them at once. Files that cannot be used are rejected: what is in force stays, and the log,
/readyz and /api/reload name file, line, column and remedy. narthex.yaml, the catalogue and the obligations take effect at
the next start; a change in them is reported as restart-required.

SIGTERM or SIGINT drains: readiness fails, no connection is accepted, sessions may end by themselves for
timeouts.drainMs, the rest is closed with system-shutdown so that clients connect elsewhere. A second signal ends at once.

Exit codes: 0 drained, 66 no such file, 69 a port cannot be had, 78 wrong configuration.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('serve')
    .description('Run the proxy that narthex.yaml describes.')
    .argument('[file]', 'configuration; by default $NARTHEX_CONFIG, then narthex.yaml')
    .option(
      '--shadow <policy>',
      'count what another policy would decide, at every gatekeeper, and change nothing',
    )
    .addHelpText('after', help)
    .action(async (file: string | undefined, { shadow }: { shadow?: string }) => {
      if (file === standardInput.path)
        throw misused('serve reads its configuration again while it runs: give a file');
      const options = { file, environment: process.env, folder: process.cwd() };
      const { config, file: path } = await loadConfig(options);
      const source = { file: path, check: () => loadConfig(options) };
      await runService(shadow === undefined ? config : withShadow(config, shadow), source, processControl());
      process.exitCode = exitCodes.ok;
    });
}

/** Returns the configuration with this shadow for the policy of every gatekeeper. */
function withShadow(config: Config, shadow: string): Config {
  return {
    ...config,
    policy: { ...config.policy, shadow },
    gatekeepers: config.gatekeepers.map((gatekeeper) =>
      gatekeeper.policy === undefined
        ? gatekeeper
        : Object.assign({}, gatekeeper, { policy: { ...gatekeeper.policy, shadow } }),
    ),
  };
}

/** Stops at the first SIGTERM or SIGINT, or by `stop`; a second signal ends the process. Reloads at SIGHUP. */
function processControl(): ServiceControl {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  return {
    stopped,
    stop: resolve,
    onReload: (reload) => process.on('SIGHUP', reload),
    logFailed: (systemCode) => void reportOutput(systemCode, process.stderr),
  };
}
