/** TLS settings of every connection (RFC 7590, RFC 9325). A context costs tens of kilobytes, so all connections with
 *  one certificate share one. */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { SetupError, type FaultyFile } from './error.ts';

/** Supported TLS versions (RFC 8996 deprecates the older ones). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** ALPN name of XMPP clients (XEP-0368 §4). */
export const xmppClientProtocol = 'xmpp-client';

/** A protocol that a port speaks inside TLS, by its ALPN name: XMPP, HTTP/1.1 (RFC 9112) or HTTP/2 (RFC 9113 §3.2). */
export type ApplicationProtocol = typeof xmppClientProtocol | 'http/1.1' | 'h2';

/** The protocols of a port, the preferred one first. */
export interface PortProtocols {
  readonly names: readonly ApplicationProtocol[];
  /** The names in wire form (RFC 7301 §3.1): Node would convert an array for each connection. */
  readonly wire: Uint8Array;
}

export const xmppProtocols = portProtocols(xmppClientProtocol);
export const httpProtocols = portProtocols('h2', 'http/1.1');
export const http1Protocols = portProtocols('http/1.1');

function portProtocols(...names: readonly ApplicationProtocol[]): PortProtocols {
  return { names, wire: Buffer.from(names.map((name) => String.fromCodePoint(name.length) + name).join('')) };
}

/** Settings of a server context. */
export interface ServerContextOptions {
  /** Oldest TLS version to accept. Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  /** Whether clients may resume TLS sessions. Resumption saves a round trip, and shows network observers which two
   *  connections are the same client's. Default false. */
  readonly sessionTickets?: boolean;
}

/** Makes a context that accepts clients.
 *  @throws SetupError ERR_CERTIFICATE_INVALID when OpenSSL refuses the pair, for a short key for example */
export function serverContext(
  pair: { readonly cert: string; readonly key: string },
  options: ServerContextOptions,
  file: FaultyFile,
): SecureContext {
  return refusing(file, () => createSecureContext({ ...pair, ...serverSettings(options) }));
}

/** Returns the settings of such a context, in Node's terms. */
export function serverSettings({
  minVersion = 'TLSv1.2',
  sessionTickets = false,
}: ServerContextOptions): Pick<SecureContextOptions, 'minVersion' | 'secureOptions' | 'honorCipherOrder'> {
  // RFC 7590 §3.1 needs no renegotiation, and with it a client can cause work.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | (sessionTickets ? 0 : constants.SSL_OP_NO_TICKET);
  return { minVersion, secureOptions, honorCipherOrder: true };
}

/** Settings of a client context. */
export interface ClientContextMaterial {
  /** PEM of the only trusted authorities; undefined for those that come with Node. */
  readonly ca: string | undefined;
  /** PEM of a client certificate (with its chain) and key. */
  readonly pair: { readonly cert: string; readonly key: string } | undefined;
}

/** Makes a context for dialling gatekeepers.
 *  @throws SetupError ERR_CERTIFICATE_INVALID */
export function clientContext(
  { ca, pair }: ClientContextMaterial,
  versions: { readonly minVersion: TlsVersion; readonly maxVersion: TlsVersion },
  file: FaultyFile | undefined,
): SecureContext {
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  return refusing(file, () =>
    createSecureContext({ ...(ca === undefined ? {} : { ca }), ...pair, ...versions, secureOptions }),
  );
}

function refusing(file: FaultyFile | undefined, create: () => SecureContext): SecureContext {
  try {
    return create();
  } catch (error) {
    if (file === undefined) throw error;
    throw new SetupError(
      'ERR_CERTIFICATE_INVALID',
      `OpenSSL refuses what is in the ${file.role} file ${file.path}`,
      'Check it with openssl x509 -text: keys under 2048 bits RSA and SHA-1 signatures are not accepted',
      { line: 1, column: 1, ...file },
    );
  }
}
