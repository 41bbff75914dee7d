/** What works as it is written, and is seldom meant. Pure. */
import { type ConfigErrorCode, configErrors } from '../errors/config.ts';
import type { LoadedConfig } from './load.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import type { Config } from './schema.ts';

/** Returns the warnings about a configuration that is valid. */
export function configWarnings({ config, places }: LoadedConfig): readonly ConfigProblem[] {
  const warning = (code: ConfigErrorCode, path: ConfigPath, message: string): ConfigProblem => ({
    severity: 'warning',
    code,
    path: formatPath(path),
    place: places.place(path),
    message,
    remedy: configErrors[code].remedy,
  });
  return [
    ...openAdmin(config.admin.host).map((message) =>
      warning('ERR_CONFIG_ADMIN_OPEN', ['admin', 'host'], message),
    ),
    ...separateState(config).map((message) => warning('ERR_CONFIG_STATE_MISSING', ['replicas'], message)),
  ];
}

/** Returns a warning of what replicas lack without shared state, which depends on what they serve. */
function separateState({ replicas, state, gatekeepers }: Config): readonly string[] {
  if (replicas === 1 || state !== undefined) return [];
  const repeated = [
    ...(gatekeepers.some(({ enlistment }) => enlistment !== undefined) ? ['an enlistment'] : []),
    ...(gatekeepers.some(({ push }) => push !== undefined) ? ['a notification'] : []),
  ];
  const effects =
    repeated.length === 0 ? '' : `; ${repeated.join(' or ')} that is repeated at another has a second effect`;
  return [`${replicas} replicas have no \`state\`: a stream is resumed only at its own replica${effects}`];
}

const everyAddress: readonly string[] = ['::', '0.0.0.0', '0:0:0:0:0:0:0:0'];

function openAdmin(host: string): readonly string[] {
  if (!everyAddress.includes(host)) return [];
  return [
    `\`admin.host\` is \`${host}\`: probes and metrics, which ask for no password, answer on every address`,
  ];
}
