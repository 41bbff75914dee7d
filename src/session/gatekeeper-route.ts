/** Routes to the XMPP gatekeepers of the configuration. */
import type { Socket } from 'node:net';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import type { Names } from '../stanza/names.ts';
import type { Workspace } from '../stream/workspace.ts';
import { dial, type Target } from '../transport/dial.ts';
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
  const { name, channelBinding, attestations } = options;
  const connect = (domain: string, signal: AbortSignal, evidence: ConnectionEvidence): Promise<Socket> =>
    connectTo(options, { domain, signal, evidence });
  return { name, channelBinding, negotiation: relaySasl({ attestations, connect }) };
}

/** Returns a connection with TLS on it, after STARTTLS where the gatekeeper uses it. */
async function connectTo(
  options: GatekeeperRouteOptions,
  session: { readonly domain: string; readonly signal: AbortSignal; readonly evidence: ConnectionEvidence },
): Promise<Socket> {
  const { target, credentials, attestations, resolver, names, workspace, dialTimeoutMs } = options;
  const { domain, signal, evidence } = session;
  const preface = attestations?.proxyHeader(evidence, credentials.certificateSha256());
  const dialled = await dial(target, {
    domain,
    context: credentials.context(),
    resolver,
    preface,
    dialTimeoutMs,
    attemptTimeoutMs: Math.ceil(dialTimeoutMs / 2),
    signal,
  });
  if (dialled.kind === 'direct') return dialled.socket;
  return startTls(dialled, { domain, names, workspace, negotiationTimeoutMs: dialTimeoutMs, signal });
}
