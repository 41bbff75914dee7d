/** The values that conditions of exceptions can have under a configuration. */
import type { Config } from '../../config/schema.ts';
import type { Knowable } from '../../policy/check.ts';
import { claimSources } from './claim-conditions.ts';

/** Returns these values. @param gatekeepers those whose sessions a policy is for */
export function knowableOf(config: Config, gatekeepers: readonly string[]): Knowable {
  const { allowed, domains } = claimSources(config, gatekeepers);
  return {
    listeners: [
      ...config.listeners.map(({ name }) => name),
      ...(config.http?.websocket === undefined ? [] : [config.http.websocket.name]),
    ],
    claims: domains.some(({ hasClaims }) => hasClaims) ? allowed : [],
    regions: config.regions !== undefined,
    protocols: [
      ...new Set(
        config.gatekeepers.filter(({ name }) => gatekeepers.includes(name)).map(({ protocol }) => protocol),
      ),
    ],
  };
}
