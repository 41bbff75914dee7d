/** The identities in a certificate (RFC 6125, RFC 9525; for XMPP RFC 6120 §13.7), read from subject alternative
 *  names only: a common name is not an identity (RFC 9525 §2). */
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** The names in a certificate that XMPP uses, in lower case. */
export interface CertificateNames {
  /** Names of type dNSName (DNS-ID), possibly with a wildcard as the first label. */
  readonly dns: readonly string[];
  /** Names of type SRVName (SRV-ID, RFC 4985), such as `_xmpp-client.example.org`. */
  readonly services: readonly string[];
}

// Node prints names joined by commas, and quotes those that could be misread as JSON strings.
const entry = /\s*([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)/g;
const serviceName = 'SRVName:';

/** Reads subject alternative names as Node prints them (`X509Certificate.subjectAltName`). */
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

/** Checks a certificate for `tls.connect`. It must have the XMPP domain as DNS-ID, as IP address when the domain is
 *  one, or as SRV-ID. The dialled host is no identity: SRV records are not secured.
 *  @param domain in A-labels
 *  @returns an error for another certificate */
export function checkXmppIdentity(domain: string, certificate: PeerCertificate): Error | undefined {
  const { subjectaltname } = certificate;
  if (subjectaltname === undefined) return new IdentityError();
  // Node falls back to the common name when there is no DNS or IP name, so it gets none.
  const withoutSubject = { subjectaltname, subject: {} } as PeerCertificate;
  if (checkServerIdentity(domain, withoutSubject) === undefined) return undefined;
  const wanted = domain.toLowerCase();
  const { services } = certificateNames(subjectaltname);
  const spoken = services.includes(`_xmpp-client.${wanted}`) || services.includes(`_xmpps-client.${wanted}`);
  return spoken ? undefined : new IdentityError();
}

/** The certificate has another name. The message contains neither name. */
class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly code = 'ERR_TLS_CERT_ALTNAME_INVALID';

  constructor() {
    super('the certificate does not have the domain');
  }
}
