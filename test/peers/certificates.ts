/** Certificates for the real peers: each server has an authority of its own, which its clients trust and no other. */
import { createAuthority } from '../support/certificates.ts';

/** PEM texts. `chain` is the server's certificate followed by the authority's. */
export interface TestCertificates {
  readonly authority: string;
  readonly chain: string;
  readonly key: string;
}

/** A new authority, and a server certificate from it that is valid for every name in `domains`.
 *  @param signs of both */
export function issueCertificates(
  domains: readonly string[],
  signs: 'ecdsa' | 'rsa' = 'ecdsa',
): TestCertificates {
  const authority = createAuthority('Narthex test authority', signs);
  const { cert, key } = authority.issue({ dns: domains });
  return { authority: authority.cert, chain: cert + authority.cert, key };
}
