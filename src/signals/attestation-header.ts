/** The protected header of an attestation (RFC 7515 §4): one form, so that nothing in a token chooses how it is
 *  verified. */

/** `typ` of the signed statement; pins it against every other JWT that the same key might be tricked into. */
export const attestationType = 'connection-signals+jwt';

/** The only algorithm (RFC 8037). */
export const attestationAlgorithm = 'EdDSA';

/** Writes the header that names a signing key, base64url. */
export function protectedHeader(kid: string): string {
  const header = JSON.stringify({ alg: attestationAlgorithm, typ: attestationType, kid });
  return Buffer.from(header).toString('base64url');
}
