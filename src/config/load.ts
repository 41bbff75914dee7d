/** Reads the configuration. Only this file reads the environment and opens narthex.yaml.
 *
 *  Environment: NARTHEX_CONFIG (path of the file) and OTEL_EXPORTER_OTLP_ENDPOINT (used when `tracing.otlpEndpoint`
 *  is not set). */
import { type FileHandle, access, constants, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { profileFiles } from './profile-files.ts';
import { capabilitySections, type PolicyFiles } from './scopes.ts';
import { readStandardInput, standardInput, whyOf } from '../documents/read.ts';
import type { Places } from '../documents/yaml.ts';
import { type Parsed, fileBytesMax, parseConfigText } from './document.ts';
import { crossCheck } from './crosscheck.ts';
import { byPlace, problemsOf } from './issues.ts';
import type { Outline } from './outline.ts';
import { type ConfigErrorCode, configErrors } from '../errors/config.ts';
import { ConfigError, type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import { publishedSchema } from './published-schema.ts';
import { shippedPolicyName } from './sections/policy.ts';
import { type Config, configSchema } from './schema.ts';
import { isHttpUrl, parseResourceAttributes } from './sections/tracing.ts';

/** Variables of the environment. */
type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** Processes that serve the same ports. They need what several replicas need. Default 1. */
  readonly processes?: number;
  /** Path of the file, `-` for standard input; by default NARTHEX_CONFIG, then ./narthex.yaml. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** Folder from which a relative path of the file is resolved. */
  readonly folder: string;
  /** Whether the files that it names may be missing: certificates and keys are not where a report is made. */
  readonly filesMayBeMissing?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Path of the file as problems name it. */
  readonly file: string;
  /** The place of each value, for later checks. */
  readonly places: Places;
}

/** Loads, validates and cross-checks.
 *  @throws ConfigError with every problem found. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const named = options.file ?? (options.environment['NARTHEX_CONFIG'] || 'narthex.yaml');
  const isInput = named === standardInput.path;
  const file = isInput ? standardInput.name : named;
  // Relative paths in what comes by standard input start at the folder of the command.
  const absolute = resolve(options.folder, file);
  const parsed = parseConfigText(isInput ? readInput() : await readConfigFile(absolute, file), file);
  const { config: written, places } = validate(parsed);
  const config = withEnvironment(withAbsolutePaths(written, dirname(absolute)), options.environment);
  const unreadable = options.filesMayBeMissing ? [] : await unreadableFiles(config, places);
  const replicas = Math.max(config.replicas, options.processes ?? 1);
  const problems = [...crossCheck({ ...config, replicas }, places), ...unreadable].sort(byPlace);
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, file, places };
}

function validate(parsed: Parsed): { config: Config; places: Places } {
  if (parsed.kind === 'refused') throw new ConfigError(parsed.problems);
  const { value, places } = parsed;
  const result = configSchema.safeParse(value);
  if (result.success) return { config: result.data, places };
  const outline = publishedSchema() as Outline;
  throw new ConfigError(problemsOf(result.error.issues, { value, places, outline }));
}

function readInput(): Uint8Array {
  try {
    return readStandardInput();
  } catch (error) {
    throw new ConfigError([
      outside('ERR_CONFIG_UNREADABLE', `standard input cannot be read (${whyOf(error)})`),
    ]);
  }
}

async function readConfigFile(absolute: string, file: string): Promise<Uint8Array> {
  try {
    await using handle = await open(absolute);
    return await readBounded(handle);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new ConfigError([outside('ERR_CONFIG_NOT_FOUND', `there is no file ${file}`)]);
    throw new ConfigError([
      outside('ERR_CONFIG_UNREADABLE', `${file} cannot be read (${code ?? 'unknown reason'})`),
    ]);
  }
}

/** Reads at most one byte more than a configuration may have, even from a file without a size (a pipe, a device). */
async function readBounded(handle: FileHandle): Promise<Uint8Array> {
  const buffer = new Uint8Array(fileBytesMax + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

function outside(code: ConfigErrorCode, message: string): ConfigProblem {
  return { severity: 'error', code, path: '', message, remedy: configErrors[code].remedy };
}

/** Adds what the environment says of traces; the file comes first.
 *  @throws ConfigError for a variable of another form */
function withEnvironment(config: Config, environment: Environment): Config {
  // An empty variable counts as unset, as in OpenTelemetry.
  const endpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined;
  const attributes = environment['OTEL_RESOURCE_ATTRIBUTES'] || undefined;
  const resource = attributes === undefined ? {} : parseResourceAttributes(attributes);
  if (config.tracing.otlpEndpoint === undefined && endpoint !== undefined && !isHttpUrl(endpoint))
    throw wrongVariable(
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL without user, query or fragment',
    );
  if (resource === undefined)
    throw wrongVariable(
      'OTEL_RESOURCE_ATTRIBUTES must be `name=value` separated by commas, at most 32, with names such as k8s.pod.name',
    );
  const { tracing } = config;
  const otlpEndpoint = tracing.otlpEndpoint ?? endpoint;
  return {
    ...config,
    tracing: {
      ...tracing,
      ...(otlpEndpoint !== undefined && { otlpEndpoint }),
      resource: { ...resource, ...tracing.resource },
    },
  };
}

function wrongVariable(message: string): ConfigError {
  return new ConfigError([outside('ERR_CONFIG_ENVIRONMENT', message)]);
}

/** Resolves relative paths from the folder of the configuration file, wherever the command is run. */
function withAbsolutePaths(config: Config, folder: string): Config {
  const absolute = (path: string): string => resolve(folder, path);
  const policyFile = (path: string): string => (shippedPolicyName.test(path) ? path : absolute(path));
  const policies = ({ file, shadow, share }: PolicyFiles) => ({
    file: policyFile(file),
    ...(shadow !== undefined && { shadow: policyFile(shadow) }),
    ...(share && { share: share.map(({ file: of, percent }) => ({ file: policyFile(of), percent })) }),
  });
  const documents = ({ contentKinds, profiles, ...more }: NonNullable<Config['capabilities']>) => ({
    ...more,
    contentKinds: absolute(contentKinds),
    profiles: typeof profiles === 'string' ? absolute(profiles) : profiles.map(absolute),
  });
  const { catalogue, obligations, keyFiles, shareKeyFile } = config.policy;
  const mapped = mapPaths(config, [], absolute) as Config;
  return {
    ...mapped,
    gatekeepers: mapped.gatekeepers.map((gatekeeper) =>
      Object.assign(
        {},
        gatekeeper,
        gatekeeper.policy && { policy: policies(gatekeeper.policy) },
        gatekeeper.capabilities && { capabilities: documents(gatekeeper.capabilities) },
      ),
    ),
    policy: {
      ...policies(config.policy),
      catalogue: catalogue.map(absolute),
      ...(obligations !== undefined && { obligations: absolute(obligations) }),
      keyFiles: keyFiles.map(absolute),
      ...(shareKeyFile !== undefined && { shareKeyFile: absolute(shareKeyFile) }),
    },
    ...(config.capabilities && { capabilities: documents(config.capabilities) }),
  };
}

/** Endings of keys that hold paths. */
const pathKeys = /(?:Files?|Folder)$/;

/** Returns the same value with `change` applied to every path in it. */
function mapPaths(value: unknown, at: ConfigPath, change: (file: string, at: ConfigPath) => string): unknown {
  if (typeof value === 'string') {
    const key = at.findLast((step) => typeof step === 'string') ?? '';
    return pathKeys.test(key) ? change(value, at) : value;
  }
  if (Array.isArray(value)) return value.map((item, index) => mapPaths(item, [...at, index], change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, mapPaths(inner, [...at, key], change)]),
  );
}

async function unreadableFiles(config: Config, places: Places): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const { path, file } of [...namedFiles(config), ...(await capabilityFiles(config))]) {
    const why = await whyUnreadable(file);
    if (why === undefined) continue;
    const message = `\`${formatPath(path)}\`: ${file} ${why}`;
    problems.push({
      ...outside('ERR_CONFIG_FILE', message),
      path: formatPath(path),
      place: places.place(path),
    });
  }
  return problems;
}

interface NamedFile {
  readonly path: ConfigPath;
  readonly file: string;
}

/** Returns every file that the configuration names, with the path of its key. */
function namedFiles(config: Config): readonly NamedFile[] {
  const found: NamedFile[] = [];
  mapPaths(config, [], (file, path) => {
    if (!formatPath(path).endsWith('Folder')) found.push({ path, file });
    return file;
  });
  return found;
}

/** Returns the files of profiles. A folder without profiles is returned itself, as a missing file. */
async function capabilityFiles(config: Config): Promise<readonly NamedFile[]> {
  const found = await Promise.all(
    capabilitySections(config).map(async ({ path: at, section: { contentKinds, profiles } }) => {
      const table = { path: [...at, 'contentKinds'], file: contentKinds };
      const path = [...at, 'profiles'];
      if (typeof profiles !== 'string')
        return [table, ...profiles.map((file, index) => ({ path: [...path, index], file }))];
      const files = await profileFiles(profiles);
      return [table, ...(files.length === 0 ? [profiles] : files).map((file) => ({ path, file }))];
    }),
  );
  return found.flat();
}

async function whyUnreadable(file: string): Promise<string | undefined> {
  try {
    if (!(await stat(file)).isFile()) return 'is not a file';
    await access(file, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`;
  }
}
