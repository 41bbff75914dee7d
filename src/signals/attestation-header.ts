/** The protected header of an attestation (RFC 7515 §4). It has one form, so that a token cannot choose how it is
 *  verified. */

/** `typ` of an attestation. It distinguishes it from other JWTs that the same key could sign. */
export const attestationType = 'connection-signals+jwt';

/** The only signature algorithm (RFC 8037). */
export const attestationAlgorithm = 'EdDSA';

/** Returns the header with the id of a signing key, in base64url. */
export function protectedHeader(kid: string): string {
  const header = JSON.stringify({ alg: attestationAlgorithm, typ: attestationType, kid });
  return Buffer.from(header).toString('base64url');
}
