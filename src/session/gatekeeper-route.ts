/** Routes to the XMPP gatekeepers of the configuration. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import type { Names } from '../stanza/names.ts';
import { xmppStanzas } from '../stanza/protocol.ts';
import type { Workspace } from '../stream/workspace.ts';
import { dial, type Target } from '../transport/dial.ts';
import { TlsModeProbe } from '../transport/tls-mode.ts';
import type { Resolver } from '../transport/srv.ts';
import { startTls } from '../transport/starttls.ts';
import type { OutboundCredentials } from '../transport/outbound-credentials.ts';
import type { GatekeeperAttestations } from './signals/attestations.ts';
import type { GatekeeperRoute } from './machine.ts';
import { relaySasl } from './negotiation/relay-sasl.ts';

export interface GatekeeperRouteOptions {
  readonly name: string;
  readonly target: Target;
  readonly channelBinding: GatekeeperRoute['channelBinding'];
  readonly limits?: GatekeeperRoute['limits'];
  readonly credentials: OutboundCredentials;
  readonly attestations: GatekeeperAttestations | undefined;
  readonly resolver: Resolver;
  readonly names: Names;
  readonly workspace: Workspace;
  /** Time for resolving, connecting and TLS, in milliseconds. */
  readonly dialTimeoutMs: number;
}

/** Makes the route to an XMPP gatekeeper. Each session dials its own TLS connection, which is never shared. */
export function createGatekeeperRoute(options: GatekeeperRouteOptions): GatekeeperRoute {
  const { name, channelBinding, limits, attestations, credentials } = options;
  const tlsMode = new TlsModeProbe();
  const connect = async (
    domain: string,
    signal: AbortSignal,
    evidence: ConnectionEvidence,
  ): Promise<Socket> => {
    const sha256 = credentials.certificateSha256();
    const binding = sha256 && ({ kind: 'certificate', sha256 } as const);
    const preface = attestations?.proxyHeader(evidence, binding);
    return connectGatekeeper({ ...options, tlsMode }, { domain, signal, preface });
  };
  return {
    name,
    channelBinding,
    protocol: xmppStanzas,
    limits,
    negotiation: relaySasl({ attestations, connect }),
  };
}

export interface GatekeeperConnectOptions extends Pick<
  GatekeeperRouteOptions,
  'target' | 'credentials' | 'resolver' | 'names' | 'workspace' | 'dialTimeoutMs'
> {
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
