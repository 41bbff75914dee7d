/** TLS settings that are the same for every connection (RFC 7590, RFC 9325). A context costs tens of kilobytes, so
 *  there is one per certificate, shared by all its connections. */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { SetupError, type FaultyFile } from './error.ts';

/** Versions that are safe to speak (RFC 8996 retired the older ones). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** The application protocol of XMPP clients over TLS (XEP-0368 §4). */
export const xmppClientProtocol = 'xmpp-client';

/** The application protocol of the HTTP plane (RFC 9112). HTTP/2 has no use here: few requests per connection. */
export const httpProtocol = 'http/1.1';

/** What a port of the proxy speaks inside TLS. */
export type ApplicationProtocol = typeof xmppClientProtocol | typeof httpProtocol;

/** Lists of one protocol as the wire has them (RFC 7301 §3.1): Node would convert an array per connection. */
export const alpnLists: Readonly<Record<ApplicationProtocol, Uint8Array>> = {
  [xmppClientProtocol]: alpnList(xmppClientProtocol),
  [httpProtocol]: alpnList(httpProtocol),
};

function alpnList(protocol: string): Uint8Array {
  return Buffer.from(`${String.fromCodePoint(protocol.length)}${protocol}`);
}

/** What a server context may vary in. */
export interface ServerContextOptions {
  /** Oldest version to accept. Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  /** Whether clients may resume TLS sessions. Resuming saves a round trip and shows every observer of the network
   *  which two connections are the same client's. Default false. */
  readonly sessionTickets?: boolean;
}

/** A context to accept clients with.
 *  @throws SetupError ERR_CERTIFICATE_INVALID when OpenSSL refuses what parsed (a key too short, say). */
export function serverContext(
  pair: { readonly cert: string; readonly key: string },
  options: ServerContextOptions,
  file: FaultyFile,
): SecureContext {
  return refusing(file, () => createSecureContext({ ...pair, ...serverSettings(options) }));
}

/** The settings of such a context, in Node's terms. */
export function serverSettings({
  minVersion = 'TLSv1.2',
  sessionTickets = false,
}: ServerContextOptions): Pick<SecureContextOptions, 'minVersion' | 'secureOptions' | 'honorCipherOrder'> {
  // Renegotiation: RFC 7590 §3.1 has no use for it, and it lets a client make the server work.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | (sessionTickets ? 0 : constants.SSL_OP_NO_TICKET);
  return { minVersion, secureOptions, honorCipherOrder: true };
}

/** What a client context may vary in. */
export interface ClientContextMaterial {
  /** The only authorities to trust, PEM; undefined for the ones that come with Node. */
  readonly ca: string | undefined;
  /** A client certificate (with its chain) and key, PEM. */
  readonly pair: { readonly cert: string; readonly key: string } | undefined;
}

/** A context to dial gatekeepers with.
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
