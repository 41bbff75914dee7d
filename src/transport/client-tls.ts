/** TLS as client, towards a gatekeeper: direct (XEP-0368) or after STARTTLS. */
import { isIP, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { checkXmppIdentity } from './identity.ts';
import { xmppClientProtocol, type ApplicationProtocol } from './secure-context.ts';

/** The gatekeeper's domain, and the credentials to use. */
export interface ClientTlsOptions {
  /** XMPP domain in A-labels: the server name that is sent, and the identity that the certificate must have. */
  readonly domain: string;
  readonly context: SecureContext;
  /** What is spoken in TLS. Default `xmpp-client`. */
  readonly alpn?: ApplicationProtocol | undefined;
}

/** Returns options for `tls.connect`. Verification is set explicitly, because an environment variable
 *  (NODE_TLS_REJECT_UNAUTHORIZED) changes Node's default. */
export function clientTls({
  domain,
  context,
  alpn = xmppClientProtocol,
}: ClientTlsOptions): ConnectionOptions {
  return {
    secureContext: context,
    rejectUnauthorized: true,
    // An address is not a server name (RFC 6066 §3).
    ...(isIP(domain) === 0 ? { servername: domain } : {}),
    checkServerIdentity: (_dialled, certificate) => checkXmppIdentity(domain, certificate),
    ALPNProtocols: [alpn],
  };
}

/** Starts a TLS handshake on a connected socket. */
export function clientTlsOn(socket: Socket, options: ClientTlsOptions): TLSSocket {
  return connect({ socket, ...clientTls(options) });
}
