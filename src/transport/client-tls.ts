/** TLS as client, towards a gatekeeper: direct (XEP-0368) or on a connection that STARTTLS prepared. */
import { isIP, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { checkXmppIdentity } from './identity.ts';
import { xmppClientProtocol } from './secure-context.ts';

/** Whom to speak to, and with what. */
export interface ClientTlsOptions {
  /** XMPP domain as A-labels: the server name sent, and the identity that the certificate must have. */
  readonly domain: string;
  readonly context: SecureContext;
}

/** Options for `tls.connect`. Verification is stated, not left to Node's default, because an environment variable
 *  (NODE_TLS_REJECT_UNAUTHORIZED) changes that default. */
export function clientTls({ domain, context }: ClientTlsOptions): ConnectionOptions {
  return {
    secureContext: context,
    rejectUnauthorized: true,
    // An address is no server name (RFC 6066 §3).
    ...(isIP(domain) === 0 ? { servername: domain } : {}),
    checkServerIdentity: (_dialled, certificate) => checkXmppIdentity(domain, certificate),
    ALPNProtocols: [xmppClientProtocol],
  };
}

/** Puts TLS on a connected socket; the handshake has begun when this returns. */
export function clientTlsOn(socket: Socket, options: ClientTlsOptions): TLSSocket {
  return connect({ socket, ...clientTls(options) });
}
