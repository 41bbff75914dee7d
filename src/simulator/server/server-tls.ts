import type { SecureContext, TLSSocketOptions } from 'node:tls';
import type { Settings } from './options.ts';

/** Returns the TLS options of the server. A client certificate is requested where authorities are configured; it is
 *  verified where something depends on it. */
export function serverTls(
  { clientAuthorities }: Pick<Settings, 'clientAuthorities'>,
  secureContext: SecureContext,
): TLSSocketOptions {
  const requestCert = clientAuthorities !== undefined;
  return { isServer: true, secureContext, requestCert, rejectUnauthorized: false };
}
