/** XMPP over WebSocket for clients, on the public HTTP port: upgrade requests that were checked become sessions. */
import { domainToASCII } from 'node:url';
import type { Config } from '../../config/schema.ts';
import type { Upgrade } from '../../http/server/upgrade.ts';
import { createUpgrade, webSocketPath } from '../../http/websocket/upgrade.ts';
import type { StreamServer } from '../../session/stream-server.ts';
import { WebSocketAcceptor } from '../../transport/websocket.ts';
import { WebSocketPings } from '../../transport/websocket-pings.ts';
import type { Parts } from '../part.ts';
import { joinUrl, type HttpPlane } from './http-plane.ts';

type HttpSection = NonNullable<Config['http']>;

/** Opens the endpoint; undefined without its section.
 *  @param messageBytesMax bytes of the largest stanza of any session */
export function openWebSockets(
  { domains, timeouts }: Pick<Config, 'domains' | 'timeouts'>,
  section: HttpSection,
  { signals, limits, overloaded, observer, clock }: HttpPlane,
  { server, messageBytesMax }: { readonly server: StreamServer; readonly messageBytesMax: number },
  parts: Parts,
): Upgrade | undefined {
  if (section.websocket === undefined) return undefined;
  const { name, origins } = section.websocket;
  const hosts = [new URL(section.publicUrl), ...ownUrls(section)].map(({ hostname }) => hostname);
  const served = domains.map(({ domain }) => domainToASCII(domain).toLowerCase());
  const listener = {
    name,
    tls: 'direct' as const,
    // The name of a domain is for that domain only.
    sharedNames: new Set(hosts.filter((host) => !served.includes(host))),
  };
  const acceptor = new WebSocketAcceptor(messageBytesMax);
  const pings = parts.track(new WebSocketPings({ pingMs: timeouts.websocketPingMs, now: clock.monotonic }));
  return createUpgrade({
    hosts: new Set([...hosts, ...served]),
    origins: new Set([new URL(section.publicUrl).origin, ...origins]),
    limits,
    overloaded,
    report: observer.report,
    now: clock.monotonic,
    serverNameOf: (socket) => signals.evidenceOf(socket)?.handshake?.serverName,
    admit(socket) {
      const evidence = signals.evidenceOf(socket);
      return (
        evidence !== undefined && !server.draining && server.admit(socket, evidence, listener) === undefined
      );
    },
    accept(request, socket, head) {
      const webSocket = acceptor.accept(request, socket, head);
      if (webSocket === undefined) return;
      pings.watch(webSocket);
      server.take(webSocket, signals.evidenceOf(socket)!, listener);
    },
  });
}

function ownUrls({ websocketUrl }: HttpSection): URL[] {
  return websocketUrl === undefined ? [] : [new URL(websocketUrl)];
}

/** Returns the address of the WebSocket for host-meta; undefined when there is none. */
export function webSocketUrlOf({ websocketUrl, websocket, publicUrl }: HttpSection): URL | undefined {
  if (websocketUrl !== undefined) return new URL(websocketUrl);
  if (websocket === undefined) return undefined;
  const url = joinUrl(publicUrl, webSocketPath.slice(1));
  url.protocol = 'wss:';
  return url;
}
