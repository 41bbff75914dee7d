/** What works as it is written, and is seldom meant. Pure. */
import { configErrors } from '../errors/config.ts';
import type { LoadedConfig } from './load.ts';
import type { ConfigProblem } from './problem.ts';

/** Returns the warnings about a configuration that is valid. */
export function configWarnings({ config, places }: LoadedConfig): readonly ConfigProblem[] {
  return openAdmin(config.admin.host).map((message) => ({
    severity: 'warning',
    code: 'ERR_CONFIG_ADMIN_OPEN',
    path: 'admin.host',
    place: places.place(['admin', 'host']),
    message,
    remedy: configErrors.ERR_CONFIG_ADMIN_OPEN.remedy,
  }));
}

const everyAddress: readonly string[] = ['::', '0.0.0.0', '0:0:0:0:0:0:0:0'];

function openAdmin(host: string): readonly string[] {
  if (!everyAddress.includes(host)) return [];
  return [
    `\`admin.host\` is \`${host}\`: probes and metrics, which ask for no password, answer on every address`,
  ];
}
