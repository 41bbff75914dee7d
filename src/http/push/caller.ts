/** Authenticates the caller of a push: a gatekeeper, by a token that it signed (after RFC 7523 §3), by its client
 *  certificate, or by both where both are configured. */
import type { X509Certificate } from 'node:crypto';
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import {
  bearerToken,
  verifySignedToken,
  type SignedTokenRules,
  type TokenClaims,
} from '../tokens/signed-token.ts';

export interface CallerRules {
  /** Rules of the token. Its audience is the push URL and its lifetime short; a replayed notification id has no
   *  effect. */
  readonly token?: SignedTokenRules;
  /** Returns whether a client certificate is a pinned one. */
  readonly isPinned?: (certificate: X509Certificate) => boolean;
}

/** Returns the client certificate of a connection, undefined without one. TLS has proved its key and nothing else. */
export type PeerCertificate = (context: HttpContext) => X509Certificate | undefined;

/** Checks that callers have a way to authenticate.
 *  @throws TypeError when there is none: any caller could then push */
export function checkCallerRules({ token, isPinned }: CallerRules): void {
  if (token === undefined && isPinned === undefined) {
    throw new TypeError('a gatekeeper that pushes needs a token issuer or a certificate');
  }
}

/** Authenticates a caller.
 *  @returns the claims of its token; undefined where the certificate alone counts
 *  @throws HttpProblem ERR_PUSH_CALLER, an ERR_TOKEN_ code, or ERR_KEYS_UNAVAILABLE */
export async function authenticateCaller(
  context: HttpContext,
  { token, isPinned }: CallerRules,
  peerCertificate: PeerCertificate,
): Promise<TokenClaims | undefined> {
  if (isPinned !== undefined) {
    const certificate = peerCertificate(context);
    if (certificate === undefined || !isPinned(certificate)) throw new HttpProblem('ERR_PUSH_CALLER');
  }
  return token && verifySignedToken(bearerToken(context.req.raw.headers), token);
}
