/** Authenticates the provider as a caller: by its client certificate, by a bearer token (RFC 6750), or by both where
 *  both are configured. */
import { hash, timingSafeEqual, type X509Certificate } from 'node:crypto';
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { bearerToken } from '../tokens/signed-token.ts';

export interface ProviderRules {
  /** Returns whether a client certificate is a pinned one. */
  readonly isPinned?: (certificate: X509Certificate) => boolean;
  /** Returns the digests (`bearerDigest`) of valid tokens: several while one replaces the other. */
  readonly bearers?: () => readonly Buffer[];
  /** Returns the client certificate of a connection, undefined without one. */
  readonly peerCertificate: (context: HttpContext) => X509Certificate | undefined;
}

/** Returns the digest of a bearer token, so that tokens are compared at one length and are not kept. */
export function bearerDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** Checks that the provider has a way to authenticate.
 *  @throws TypeError when there is none: any caller could then have addresses sealed */
export function checkProviderRules({ isPinned, bearers }: ProviderRules): void {
  if (isPinned === undefined && bearers === undefined)
    throw new TypeError('a provider that asks for references needs a certificate or a bearer token');
}

/** Authenticates a caller.
 *  @throws HttpProblem ERR_MEDIA_REFERENCE_CALLER, ERR_TOKEN_MISSING */
export function authenticateProvider(
  context: HttpContext,
  { isPinned, bearers, peerCertificate }: ProviderRules,
): void {
  if (isPinned !== undefined) {
    const certificate = peerCertificate(context);
    if (certificate === undefined || !isPinned(certificate))
      throw new HttpProblem('ERR_MEDIA_REFERENCE_CALLER');
  }
  if (bearers === undefined) return;
  const shown = bearerDigest(bearerToken(context.req.raw.headers));
  // Every digest is compared, so that the time does not depend on which one matches.
  const matches = bearers().filter((digest) => timingSafeEqual(digest, shown));
  if (matches.length === 0) throw new HttpProblem('ERR_MEDIA_REFERENCE_CALLER');
}
