import type { Socket } from 'node:net';
import type { Names } from '../stanza/names.ts';
import type { Workspace } from '../stream/workspace.ts';
import { dial, type Target } from '../transport/dial.ts';
import type { Resolver } from '../transport/srv.ts';
import { startTls } from '../transport/starttls.ts';
import type { OutboundCredentials } from '../transport/outbound-credentials.ts';
import type { GatekeeperAttestations } from './signals/attestations.ts';
import type { GatekeeperRoute } from './session.ts';

export interface GatekeeperRouteOptions {
  readonly name: string;
  readonly target: Target;
  readonly channelBinding: GatekeeperRoute['channelBinding'];
  readonly credentials: OutboundCredentials;
  readonly attestations: GatekeeperAttestations | undefined;
  readonly resolver: Resolver;
  readonly names: Names;
  readonly workspace: Workspace;
  /** To resolve, connect and negotiate TLS, in milliseconds. */
  readonly dialTimeoutMs: number;
}

/** A gatekeeper that sessions dial: one connection for each, with TLS on it, never shared. */
export function createGatekeeperRoute(options: GatekeeperRouteOptions): GatekeeperRoute {
  const { name, target, channelBinding, credentials, attestations } = options;
  const { resolver, names, workspace, dialTimeoutMs } = options;
  return {
    name,
    channelBinding,
    attestations,
    async connect(domain, signal, evidence): Promise<Socket> {
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
    },
  };
}
