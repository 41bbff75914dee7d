/** The gatekeepers that sessions dial, by the domain of a client. */
import { parseHostPort } from '../../config/address.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import {
  createGatekeeperRoute,
  type GatekeeperRouteOptions,
  type WebSocketTarget,
} from '../../session/gatekeeper-route.ts';
import type { GatekeeperRoute } from '../../session/machine.ts';
import type { Target } from '../../transport/dial.ts';
import { systemResolver } from '../../transport/srv.ts';
import { WebSocketPings } from '../../transport/websocket-pings.ts';
import type { FilesReport } from '../observer.ts';
import type { Clock } from '../clock.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openChatRoute, type ChatGatekeepersOptions } from './chat-gatekeepers.ts';
import { openCredentials } from './credentials.ts';
import { limitsOf } from './session-limits.ts';
import type { Signals } from './signals.ts';

export interface Gatekeepers extends Part {
  /** Returns the gatekeeper of a domain in lower case; undefined when the proxy does not serve it. */
  readonly route: (domain: string) => GatekeeperRoute | undefined;
}

export interface GatekeepersOptions extends Pick<GatekeeperRouteOptions, 'names' | 'workspace'> {
  /** Bytes of the largest stanza of any session. */
  readonly messageBytesMax: number;
  readonly files: FilesReport;
  readonly signals: Signals;
  /** For gatekeepers on the chat channel; undefined without a provider, and then there are none. */
  readonly chat:
    Pick<ChatGatekeepersOptions, 'authentication' | 'stages' | 'profileReadsReceipts'> | undefined;
  readonly clock: Clock;
}

/** Opens the routes.
 *  @throws SetupError when a file does not load */
export function openGatekeepers(
  config: Pick<Config, 'gatekeepers' | 'domains' | 'timeouts' | 'limits' | 'provider'>,
  options: GatekeepersOptions,
): Promise<Gatekeepers> {
  const { gatekeepers, domains, timeouts } = config;
  return assemble(async (parts) => {
    const byName = new Map<string, GatekeeperRoute>();
    const pings = parts.track(
      new WebSocketPings({ pingMs: timeouts.websocketPingMs, now: options.clock.monotonic }),
    );
    for (const gatekeeper of gatekeepers) {
      const { chat } = options;
      const route =
        gatekeeper.protocol === 'chat-channel' && chat !== undefined
          ? await openChatRoute(config, gatekeeper, { ...options, ...chat }, parts)
          : await openXmppRoute(config, gatekeeper, { ...options, pings }, parts);
      byName.set(gatekeeper.name, route);
    }
    const byDomain = new Map(
      domains.map(({ domain, gatekeeper }) => [domain.toLowerCase(), byName.get(gatekeeper)]),
    );
    return { route: (domain) => byDomain.get(domain) };
  });
}

interface XmppRouteOptions extends GatekeepersOptions {
  readonly pings: WebSocketPings;
}

/** Opens the route to a gatekeeper that speaks XMPP.
 *  @throws SetupError when a file does not load */
async function openXmppRoute(
  config: Pick<Config, 'timeouts' | 'limits'>,
  gatekeeper: GatekeeperConfig,
  { names, workspace, messageBytesMax, pings, files, signals }: XmppRouteOptions,
  parts: Parts,
): Promise<GatekeeperRoute> {
  const { name, channelBinding } = gatekeeper;
  return createGatekeeperRoute({
    name,
    target: targetOf(gatekeeper),
    channelBinding,
    limits: limitsOf(config, gatekeeper),
    credentials: parts.track(await openCredentials(name, gatekeeper, files)),
    attestations: signals.attestations(name),
    resolver: systemResolver(),
    names,
    workspace,
    dialTimeoutMs: config.timeouts.dialMs,
    webSockets: { messageBytesMax, pings },
  });
}

/** Returns the endpoints of a gatekeeper in a checked configuration.
 *  @throws RangeError when its address is malformed */
export function targetOf({ connect }: GatekeeperConfig): Target | WebSocketTarget {
  if ('websocket' in connect) return { kind: 'websocket', url: new URL(connect.websocket) };
  if ('srv' in connect) return { kind: 'srv', domain: connect.srv };
  const parsed = parseHostPort(connect.address);
  if (parsed.kind === 'malformed' || connect.tls === undefined)
    throw new RangeError('the configuration was not checked');
  return { kind: 'address', ...parsed.address, tls: connect.tls };
}
