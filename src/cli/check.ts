/** `narthex check`: what is wrong with a configuration, and what it would serve. */
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError, type ConfigProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { type CertificateSummary, verifyFiles } from '../config/verify.ts';
import type { Invocation, Surroundings } from './command.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './exit.ts';
import { reportProblems } from './report.ts';

export async function run({ file, options }: Invocation, surroundings: Surroundings): Promise<ExitCode> {
  const result = await examine(file, surroundings);
  if (options['format'] === 'json') surroundings.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else printText(result, surroundings);
  const first = result.problems.find(({ severity }) => severity === 'error');
  return first === undefined ? exitCodes.ok.code : exitCodeOf(first.code);
}

/** What `--format json` prints. */
interface Result {
  readonly valid: boolean;
  /** Absent when the file could not be made sense of. */
  readonly file?: string;
  readonly problems: readonly ConfigProblem[];
  /** Problems beyond those listed. */
  readonly omitted: number;
  readonly serves?: Summary;
}

/** What would be served. */
interface Summary {
  readonly listeners: Config['listeners'];
  readonly domains: readonly { readonly domain: string; readonly gatekeeper: string; readonly at: string }[];
  readonly certificates: readonly CertificateSummary[];
  readonly admin: Config['admin'];
  readonly tracing: string | null;
}

async function examine(
  file: string | undefined,
  { environment, folder, now }: Surroundings,
): Promise<Result> {
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig({ file, environment, folder });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { valid: false, problems: error.problems, omitted: error.omitted };
  }
  const { certificates, problems } = await verifyFiles(loaded, now());
  const valid = problems.every(({ severity }) => severity === 'warning');
  return { valid, file: loaded.file, problems, omitted: 0, serves: summarise(loaded.config, certificates) };
}

function summarise(config: Config, certificates: readonly CertificateSummary[]): Summary {
  return {
    listeners: config.listeners,
    domains: config.domains.map(({ domain, gatekeeper }) => ({
      domain,
      gatekeeper,
      at: whereIs(config, gatekeeper),
    })),
    certificates,
    admin: config.admin,
    tracing: config.tracing.otlpEndpoint ?? null,
  };
}

function whereIs({ gatekeepers }: Config, name: string): string {
  const connect = gatekeepers.find((gatekeeper) => gatekeeper.name === name)?.connect;
  if (connect === undefined) return '';
  return 'srv' in connect ? `SRV records of ${connect.srv}` : `${connect.address}, ${connect.tls}`;
}

function printText(
  { valid, file, problems, omitted, serves }: Result,
  { stdout, stderr }: Surroundings,
): void {
  reportProblems(problems, omitted, stderr);
  if (!valid || serves === undefined) return;
  const rows = [
    `${file ?? ''}: the configuration is valid. It would serve`,
    ...serves.listeners.map(
      ({ name, host, port, tls }) => `  listener     ${name} on ${hostPort(host, port)}, ${tls}`,
    ),
    ...serves.domains.map(
      ({ domain, gatekeeper, at }) => `  domain       ${domain} at gatekeeper ${gatekeeper} (${at})`,
    ),
    ...serves.certificates.map(({ certFile, notAfter, domains }) => {
      const shown = domains.length === 0 ? 'no domain' : domains.join(', ');
      return `  certificate  ${certFile} for ${shown}, until ${notAfter.slice(0, 10)}`;
    }),
    `  admin        http://${hostPort(serves.admin.host, serves.admin.port)}`,
    `  tracing      ${serves.tracing ?? 'off'}`,
  ];
  stdout.write(`${rows.join('\n')}\n`);
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
