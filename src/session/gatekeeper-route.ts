/** Routes to the XMPP gatekeepers of the configuration. */
import type { TLSSocket } from 'node:tls';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import type { Names } from '../stanza/names.ts';
import { xmppStanzas } from '../stanza/protocol.ts';
import type { Workspace } from '../stream/workspace.ts';
import { dial, type Target } from '../transport/dial.ts';
import { dialWebSocket } from '../transport/websocket-dial.ts';
import type { WebSocketConnection } from '../transport/websocket.ts';
import type { WebSocketPings } from '../transport/websocket-pings.ts';
import { TlsModeProbe } from '../transport/tls-mode.ts';
import type { Resolver } from '../transport/srv.ts';
import { startTls } from '../transport/starttls.ts';
import type { OutboundCredentials } from '../transport/outbound-credentials.ts';
import type { GatekeeperAttestations } from './signals/attestations.ts';
import type { GatekeeperRoute } from './machine.ts';
import { relaySasl } from './negotiation/relay-sasl.ts';
import type { GatekeeperConnection } from './phases/dialling.ts';

export interface GatekeeperRouteOptions {
  readonly name: string;
  readonly target: Target | WebSocketTarget;
  readonly channelBinding: GatekeeperRoute['channelBinding'];
  readonly limits?: GatekeeperRoute['limits'];
  readonly credentials: OutboundCredentials;
  readonly attestations: GatekeeperAttestations | undefined;
  readonly resolver: Resolver;
  readonly names: Names;
  readonly workspace: Workspace;
  /** Time for resolving, connecting and TLS, in milliseconds. */
  readonly dialTimeoutMs: number;
  readonly webSockets: WebSocketOptions;
}

/** The WebSocket of a gatekeeper. */
export interface WebSocketTarget {
  readonly kind: 'websocket';
  readonly url: URL;
}

export interface WebSocketOptions {
  /** Bytes of the largest stanza of any session. */
  readonly messageBytesMax: number;
  readonly pings: Pick<WebSocketPings, 'watch'>;
}

/** Makes the route to an XMPP gatekeeper. Each session dials its own TLS connection, which is never shared. */
export function createGatekeeperRoute(options: GatekeeperRouteOptions): GatekeeperRoute {
  const { name, channelBinding, limits, attestations, credentials } = options;
  const tlsMode = new TlsModeProbe();
  const connect = async (
    domain: string,
    signal: AbortSignal,
    evidence: ConnectionEvidence,
  ): Promise<GatekeeperConnection> => {
    const sha256 = credentials.certificateSha256();
    const binding = sha256 && ({ kind: 'certificate', sha256 } as const);
    const preface = attestations?.proxyHeader(evidence, binding);
    const { target, webSockets } = options;
    if (target.kind !== 'websocket')
      return connectGatekeeper({ ...options, target, tlsMode }, { domain, signal, preface });
    const connection = await connectWebSocket(target, options, { signal, preface });
    webSockets.pings.watch(connection);
    return connection;
  };
  return {
    name,
    channelBinding,
    protocol: xmppStanzas,
    limits,
    negotiation: relaySasl({ attestations, connect }),
  };
}

/** Opens a WebSocket to a gatekeeper.
 *  @param connection as of `connectGatekeeper`
 *  @throws GatekeeperError, or the signal's reason */
export function connectWebSocket(
  { url }: WebSocketTarget,
  {
    credentials,
    resolver,
    dialTimeoutMs,
    webSockets,
  }: Pick<GatekeeperRouteOptions, 'credentials' | 'resolver' | 'dialTimeoutMs'> & {
    readonly webSockets: Pick<WebSocketOptions, 'messageBytesMax'>;
  },
  { signal, preface }: { readonly signal: AbortSignal; readonly preface: Uint8Array | undefined },
): Promise<WebSocketConnection> {
  const { messageBytesMax } = webSockets;
  const context = credentials.context();
  return dialWebSocket(url, { context, resolver, preface, dialTimeoutMs, signal, messageBytesMax });
}

export interface GatekeeperConnectOptions extends Pick<
  GatekeeperRouteOptions,
  'credentials' | 'resolver' | 'names' | 'workspace' | 'dialTimeoutMs'
> {
  readonly target: Target;
  readonly tlsMode: TlsModeProbe;
}

/** Connects to a gatekeeper, STARTTLS included.
 *  @param connection `preface` is a PROXY protocol header
 *  @returns a connection with TLS up
 *  @throws GatekeeperError, or the signal's reason */
export async function connectGatekeeper(
  { target, credentials, resolver, names, workspace, dialTimeoutMs, tlsMode }: GatekeeperConnectOptions,
  {
    domain,
    signal,
    preface,
  }: {
    readonly domain: string;
    readonly signal: AbortSignal;
    readonly preface: Uint8Array | undefined;
  },
): Promise<TLSSocket> {
  const dialled = await dial(target, {
    domain,
    context: credentials.context(),
    resolver,
    preface,
    tlsMode,
    dialTimeoutMs,
    attemptTimeoutMs: Math.ceil(dialTimeoutMs / 2),
    signal,
  });
  if (dialled.kind === 'direct') return dialled.socket;
  return startTls(dialled, { domain, names, workspace, negotiationTimeoutMs: dialTimeoutMs, signal });
}
