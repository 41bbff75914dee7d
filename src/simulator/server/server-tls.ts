import type { SecureContext, TLSSocketOptions } from 'node:tls';
import type { Settings } from './options.ts';

/** TLS as the gatekeeper takes it. A client certificate is asked for where authorities of such are known; whether it is
 *  theirs is decided when something depends on it. */
export function serverTls(
  { clientAuthorities }: Pick<Settings, 'clientAuthorities'>,
  secureContext: SecureContext,
): TLSSocketOptions {
  const requestCert = clientAuthorities !== undefined;
  return { isServer: true, secureContext, requestCert, rejectUnauthorized: false };
}
