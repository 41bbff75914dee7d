/** The gatekeepers that sessions dial, by the domain of a client. */
import { parseHostPort } from '../../config/address.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { createGatekeeperRoute, type GatekeeperRouteOptions } from '../../session/gatekeeper-route.ts';
import type { GatekeeperRoute } from '../../session/machine.ts';
import type { Target } from '../../transport/dial.ts';
import { systemResolver } from '../../transport/srv.ts';
import type { FilesReport } from '../observer.ts';
import { assemble, type Part } from '../part.ts';
import { openCredentials } from './credentials.ts';
import { limitsOf } from './session-limits.ts';
import type { Signals } from './signals.ts';

export interface Gatekeepers extends Part {
  /** Returns the gatekeeper of a domain in lower case; undefined when the proxy does not serve it. */
  readonly route: (domain: string) => GatekeeperRoute | undefined;
}

export interface GatekeepersOptions extends Pick<GatekeeperRouteOptions, 'names' | 'workspace'> {
  readonly files: FilesReport;
  readonly signals: Signals;
}

/** Opens the routes.
 *  @throws SetupError when a file does not load */
export function openGatekeepers(
  config: Pick<Config, 'gatekeepers' | 'domains' | 'timeouts' | 'limits'>,
  { names, workspace, files, signals }: GatekeepersOptions,
): Promise<Gatekeepers> {
  const { gatekeepers, domains, timeouts } = config;
  return assemble(async (parts) => {
    const byName = new Map<string, GatekeeperRoute>();
    for (const gatekeeper of gatekeepers) {
      const { name, channelBinding } = gatekeeper;
      const route = createGatekeeperRoute({
        name,
        target: targetOf(gatekeeper),
        channelBinding,
        limits: limitsOf(config, gatekeeper),
        credentials: parts.track(await openCredentials(name, gatekeeper, files)),
        attestations: signals.attestations(name),
        resolver: systemResolver(),
        names,
        workspace,
        dialTimeoutMs: timeouts.dialMs,
      });
      byName.set(name, route);
    }
    const byDomain = new Map(
      domains.map(({ domain, gatekeeper }) => [domain.toLowerCase(), byName.get(gatekeeper)]),
    );
    return { route: (domain) => byDomain.get(domain) };
  });
}

/** Returns the endpoints of a gatekeeper in a checked configuration.
 *  @throws RangeError when its address is malformed */
export function targetOf({ connect }: GatekeeperConfig): Target {
  if ('srv' in connect) return { kind: 'srv', domain: connect.srv };
  const parsed = parseHostPort(connect.address);
  if (parsed.kind === 'malformed' || connect.tls === undefined)
    throw new RangeError('the configuration was not checked');
  return { kind: 'address', ...parsed.address, tls: connect.tls };
}
