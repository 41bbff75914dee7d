/** `narthex check`: the problems of a configuration, and a summary of what it serves. */
import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import {
  ConfigError,
  formatPath,
  parsePath,
  type ConfigPath,
  type ConfigProblem,
} from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { policySections, type PolicyFiles } from '../config/scopes.ts';
import { type CertificateSummary, verifyFiles } from '../config/verify.ts';
import { configWarnings } from '../config/warnings.ts';
import { checkPolicy, type CheckOptions } from '../policy/check.ts';
import type { Policy } from '../policy/policy.ts';
import { capabilityProblems } from '../app/tools/capability-problems.ts';
import { exitCodes } from '../errors/exit.ts';
import { exitCodeOf } from '../errors/table.ts';
import { knowableOf } from '../app/files/knowable.ts';
import { openObligations, openPolicy } from '../app/files/policies.ts';
import { readRegions } from '../app/files/regions.ts';
import { createMediaAddresses } from '../app/parts/media-addresses.ts';
import { openPolicyRuntime } from '../app/parts/policies.ts';
import { policyErrors } from '../errors/policy.ts';
import { SetupError } from '../transport/error.ts';
import { failOnWarning } from './command-io.ts';
import { reportProblems } from './report.ts';
import { keySetProblems } from '../app/tools/key-set-problems.ts';
import { ledgerProblems } from '../app/tools/ledger-problems.ts';
import { tracingProblems } from '../app/tools/tracing-problems.ts';
import { signalProblems } from '../app/tools/signal-problems.ts';
import { systemClock } from '../app/clock.ts';
import type { Reach } from '../app/tools/reach.ts';
import { dialCauses } from '../errors/causes.ts';

const help = `
Reads the file as serve does, verifies every certificate and key it names, and reports all that is wrong at once as
file:line:column: error CODE: message, each with a remedy. Opens no port, and connects to no server without --connect.

With --connect, and where nothing is wrong with the file, it dials each gatekeeper for each domain as a session would: name or
SRV records, TCP, TLS, the features of the stream. Each step has timeouts.dialMs. Nothing else is connected to.

Examples:
  $ narthex check                           # ./narthex.yaml
  $ narthex check --format json prod.yaml   # for a program, e.g. in a pipeline
  $ narthex check --connect                 # can each gatekeeper be reached, and if not, why?
  $ generate | narthex check - --fail-on warning

Exit codes: 0 fine (perhaps with warnings), 1 warnings with --fail-on warning, 66 no such file, 69 a gatekeeper cannot be
reached, 78 wrong.
Next: narthex serve with the same file. ERRORS.md explains every code.`;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('check')
    .description('Verify narthex.yaml and every file it names.')
    .argument('[file]', 'configuration, - for standard input; by default $NARTHEX_CONFIG, then narthex.yaml')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--connect', 'dial each gatekeeper, and say why one cannot be reached')
    .addOption(failOnWarning())
    .addHelpText('after', help)
    .action(async (file: string | undefined, { format, failOn, connect = false }: Flags) => {
      const result = await examine(file, connect);
      if (format === 'json') process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      else printText(result);
      const first =
        result.problems.find(({ severity }) => severity === 'error') ??
        result.connections?.find((connection) => connection.kind === 'failed');
      const fails = failOn === 'warning' && result.problems.some(({ severity }) => severity !== 'notice');
      if (first !== undefined) process.exitCode = exitCodeOf(first.code);
      else process.exitCode = fails ? exitCodes.negative : exitCodes.ok;
    });
}

interface Flags {
  readonly format: string;
  readonly failOn?: 'warning';
  readonly connect?: boolean;
}

/** The output of `--format json`. */
interface Result {
  readonly valid: boolean;
  /** Absent when the file could not be parsed. */
  readonly file?: string;
  readonly problems: readonly ConfigProblem[];
  /** Number of problems beyond those listed. */
  readonly omitted: number;
  readonly serves?: Summary;
  /** Outcomes by domain, with `--connect`. */
  readonly connections?: readonly Connection[];
}

/** The outcome of a dial, with the remedy of a failure. */
type Connection =
  | Extract<Reach, { kind: 'reached' }>
  | (Extract<Reach, { kind: 'failed' }> & Pick<ConfigProblem, 'place' | 'message' | 'remedy'>);

/** The summary of a valid configuration. */
interface Summary {
  readonly listeners: Config['listeners'];
  readonly domains: readonly { readonly domain: string; readonly gatekeeper: string; readonly at: string }[];
  readonly certificates: readonly CertificateSummary[];
  readonly policy: PolicyFiles & { readonly keyFiles: number };
  /** Gatekeepers with a policy of their own. */
  readonly gatekeeperPolicies: Readonly<Record<string, PolicyFiles>>;
  readonly admin: Config['admin'];
  /** The public HTTP port; null without it. */
  readonly http: { readonly host: string; readonly port: number; readonly publicUrl: string } | null;
  readonly tracing: string | null;
}

async function examine(file: string | undefined, connect: boolean): Promise<Result> {
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig({ file, environment: process.env, folder: process.cwd() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { valid: false, problems: error.problems, omitted: error.omitted };
  }
  const verified = await verifyFiles(loaded, Date.now());
  const { certificates } = verified;
  const policy = policyProblems(loaded);
  const problems = [
    ...verified.problems,
    ...configWarnings(loaded),
    ...(await signalProblems(loaded, Date.now())),
    ...(await regionProblems(loaded.config)),
    ...ledgerProblems(loaded),
    ...keySetProblems(loaded),
    ...tracingProblems(loaded),
    ...policy,
    ...(await capabilityProblems(
      loaded.config,
      policy.every(({ severity }) => severity !== 'error') ? openPolicy : undefined,
    )),
  ];
  const valid = problems.every(({ severity }) => severity !== 'error');
  const serves = summarise(loaded.config, certificates);
  const result = { valid, file: loaded.file, problems, omitted: 0, serves };
  return connect && valid ? { ...result, connections: await connections(loaded) } : result;
}

/** Dials each gatekeeper for each of its domains. Only this loads the modules of a session. */
async function connections({ config, places }: LoadedConfig): Promise<readonly Connection[]> {
  const { reachGatekeepers } = await import('../app/tools/reach.ts');
  const reached = await reachGatekeepers(config, systemClock);
  return reached.map((reach) => {
    if (reach.kind === 'reached') return reach;
    const { gatekeeper, domain } = reach;
    const { cause, remedy } = dialCauses[reach.cause];
    const index = config.gatekeepers.findIndex(({ name }) => name === gatekeeper);
    const message = `gatekeeper ${gatekeeper} cannot be reached for ${domain} (${reach.cause}): ${cause.replace(/\.$/, '')}`;
    return { ...reach, place: places.place(['gatekeepers', index, 'connect']), message, remedy };
  });
}

/** Returns the problems of the policies, read and compiled as `serve` does. */
function policyProblems({ config, places }: LoadedConfig): readonly ConfigProblem[] {
  try {
    const runtime = openPolicyRuntime({
      config: config.policy,
      gatekeepers: config.gatekeepers,
      media: createMediaAddresses(config, nothingIsSealed),
      knowable: (gatekeepers) => knowableOf(config, gatekeepers),
      report: () => {},
      clock: () => Date.now(),
    });
    runtime.close();
    const { catalogue } = runtime;
    const obligations = openObligations(config.policy.obligations);
    return runtime.scopes.flatMap(({ name: { gatekeeper }, documents }) => {
      const section = policySections(config).find((each) => each.gatekeeper === gatekeeper)!;
      const options = { knowable: knowableOf(config, section.gatekeepers), catalogue, obligations };
      const found = (policy: Policy, ...at: ConfigPath): readonly ConfigProblem[] => {
        const path = formatPath([...section.path, ...at, 'file']);
        return [...notEnforced(path, policy), ...policyWarnings(path, policy, options)];
      };
      return [
        ...found(documents.enforced),
        ...documents.share.flatMap(({ policy }, index) => found(policy, 'share', index)),
      ];
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => ({ place: places.place(parsePath(problem.path)), ...problem }));
  }
}

/** Reads the table of regions as serve does. */
async function regionProblems({ regions }: Config): Promise<readonly ConfigProblem[]> {
  if (regions === undefined) return [];
  try {
    await readRegions(regions);
    return [];
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return error.diagnostics.map(({ code, file, line = 1, column = 1, reason, remedy }) => ({
      severity: 'error',
      code: 'ERR_CONFIG_REGIONS',
      path: 'regions.geofeedFile',
      place: { file, line, column },
      message: `${code} ${reason}`,
      remedy,
    }));
  }
}

/** Returns the warnings about the policy that it does not accept, and the notices. */
function policyWarnings(
  path: string,
  policy: Policy,
  options: Omit<CheckOptions, 'now'>,
): readonly ConfigProblem[] {
  return checkPolicy(policy, { ...options, now: Date.now() })
    .filter(({ severity, code }) => severity !== 'error' && code !== 'WARN_POLICY_SHADOW')
    .map(({ severity, file, line, column, code, field, reason, remedy }) => ({
      severity,
      code: 'ERR_CONFIG_POLICY',
      path,
      place: { file, line, column },
      message: `${code}${field === undefined ? '' : ` ${field}`}: ${reason}`,
      remedy: remedy === '' ? policyErrors[code].remedy : remedy,
    }));
}

/** Returns a warning for a policy in shadow mode. */
function notEnforced(path: string, { name, file, mode, modePlace }: Policy): readonly ConfigProblem[] {
  if (mode === 'enforce') return [];
  const message = `WARN_POLICY_SHADOW: the policy ${name} says mode: shadow, so nothing of it is enforced`;
  const { remedy } = policyErrors.WARN_POLICY_SHADOW;
  const place = modePlace ?? { file, line: 1, column: 1 };
  return [{ severity: 'warning', code: 'ERR_CONFIG_POLICY', path, place, message, remedy }];
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
    policy: {
      file: config.policy.file,
      shadow: config.policy.shadow,
      share: config.policy.share,
      keyFiles: config.policy.keyFiles.length,
    },
    gatekeeperPolicies: Object.fromEntries(
      config.gatekeepers.flatMap(({ name, policy }) => (policy === undefined ? [] : [[name, policy]])),
    ),
    admin: config.admin,
    http: config.http ?? null,
    tracing: config.tracing.otlpEndpoint ?? null,
  };
}

function whereIs({ gatekeepers }: Config, name: string): string {
  const connect = gatekeepers.find((gatekeeper) => gatekeeper.name === name)?.connect;
  if (connect === undefined) return '';
  if ('srv' in connect) return `SRV records of ${connect.srv}`;
  if ('websocket' in connect) return connect.websocket;
  return `${connect.address}, ${connect.tls ?? 'noise'}`;
}

function printText({ valid, file, problems, omitted, serves, connections = [] }: Result): void {
  reportProblems(problems, omitted, process.stderr);
  for (const connection of connections) {
    if (connection.kind === 'failed')
      reportProblems([{ severity: 'error', ...connection }], 0, process.stderr);
  }
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
    ...connections.map(connectionRow),
    `  policy       ${policyRow(serves.policy)}`,
    ...Object.entries(serves.gatekeeperPolicies).map(
      ([name, files]) => `  policy       ${filesRow(files)}, at gatekeeper ${name}`,
    ),
    `  https        ${serves.http === null ? 'off' : `${serves.http.publicUrl} on ${hostPort(serves.http.host, serves.http.port)}`}`,
    `  admin        http://${hostPort(serves.admin.host, serves.admin.port)}`,
    `  tracing      ${serves.tracing ?? 'off'}`,
  ];
  process.stdout.write(`${rows.join('\n')}\n`);
}

function connectionRow(connection: Connection): string {
  const { gatekeeper, domain, milliseconds } = connection;
  const what =
    connection.kind === 'failed'
      ? `cannot be reached: ${connection.cause}`
      : `answers by ${connection.tlsVersion} in ${milliseconds} ms, certificate until ${connection.notAfter.slice(0, 10)}`;
  return `  gatekeeper   ${gatekeeper} for ${domain} ${what}`;
}

function filesRow({ file, shadow, share = [] }: PolicyFiles): string {
  const shares = share.map((each) => `${each.file} for ${each.percent} % of accounts`);
  return [file, ...shares, ...(shadow === undefined ? [] : [`${shadow} in its shadow`])].join(', ');
}

function policyRow({ keyFiles, ...files }: Summary['policy']): string {
  const secrets =
    keyFiles === 0 ? 'pseudonyms of one process and its life (no keyFiles)' : 'pseudonyms by keyFiles';
  return `${filesRow(files)}, ${secrets}`;
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function nothingIsSealed(): never {
  throw new RangeError('a check seals no addresses');
}
