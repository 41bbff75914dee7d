/** Who a certificate speaks for (RFC 6125, RFC 9525; for XMPP RFC 6120 §13.7). Names come from the subject
 *  alternative names only: a common name is not an identity (RFC 9525 §2). */
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** The names of a certificate that matter to XMPP, lower case. */
export interface CertificateNames {
  /** dNSName: DNS-ID, perhaps with a wildcard as its first label. */
  readonly dns: readonly string[];
  /** SRVName (RFC 4985): SRV-ID such as `_xmpp-client.example.org`. */
  readonly services: readonly string[];
}

// Node prints the names joined by commas, and quotes as a JSON string any that could be misread.
const entry = /\s*([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)/g;
const serviceName = 'SRVName:';

/** Reads the subject alternative names as Node prints them (`X509Certificate.subjectAltName`). */
export function certificateNames(subjectAltName: string | undefined): CertificateNames {
  const dns: string[] = [];
  const services: string[] = [];
  for (const [, type, printed = ''] of (subjectAltName ?? '').matchAll(entry)) {
    const value = (printed.startsWith('"') ? (JSON.parse(printed) as string) : printed).toLowerCase();
    if (type === 'DNS') dns.push(value);
    if (type === 'othername' && value.startsWith(serviceName.toLowerCase()))
      services.push(value.slice(serviceName.length));
  }
  return { dns, services };
}

/** For `tls.connect`: an error unless the certificate speaks for the XMPP domain, by DNS-ID, by IP address when
 *  the domain is one, or by SRV-ID. The host that was dialled is no identity: SRV records are not secured.
 *  @param domain as A-labels. */
export function checkXmppIdentity(domain: string, certificate: PeerCertificate): Error | undefined {
  const { subjectaltname } = certificate;
  if (subjectaltname === undefined) return new IdentityError();
  // Node falls back to the common name when no alternative name is of DNS or IP type: it is shown none.
  const withoutSubject = { subjectaltname, subject: {} } as PeerCertificate;
  if (checkServerIdentity(domain, withoutSubject) === undefined) return undefined;
  const wanted = domain.toLowerCase();
  const { services } = certificateNames(subjectaltname);
  const spoken = services.includes(`_xmpp-client.${wanted}`) || services.includes(`_xmpps-client.${wanted}`);
  return spoken ? undefined : new IdentityError();
}

/** The certificate belongs to another name. The message contains neither name. */
class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly code = 'ERR_TLS_CERT_ALTNAME_INVALID';

  constructor() {
    super('the certificate does not speak for the domain');
  }
}
