/** Authenticates the caller of a push: a gatekeeper, by a token that it signed (after RFC 7523 §3), by its client
 *  certificate, or by both where both are configured. */
import type { X509Certificate } from 'node:crypto';
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { bearerToken, verifySignedToken, type SignedTokenRules } from '../tokens/signed-token.ts';

export interface CallerRules {
  /** The token's audience is the push URL, its lifetime short; a replay does nothing a notification id forgives. */
  readonly token?: SignedTokenRules;
  /** Whether a client certificate is one of its own. */
  readonly isPinned?: (certificate: X509Certificate) => boolean;
}

/** The client certificate of a connection, if it has one; its key is proved by TLS, nothing else is. */
export type PeerCertificate = (context: HttpContext) => X509Certificate | undefined;

/** @throws TypeError when neither is configured: any caller could push then */
export function checkCallerRules({ token, isPinned }: CallerRules): void {
  if (token === undefined && isPinned === undefined) {
    throw new TypeError('a gatekeeper that pushes needs a token issuer or a certificate');
  }
}

/** @throws HttpProblem ERR_PUSH_CALLER, an ERR_TOKEN_ code, or ERR_KEYS_UNAVAILABLE. */
export async function authenticateCaller(
  context: HttpContext,
  { token, isPinned }: CallerRules,
  peerCertificate: PeerCertificate,
): Promise<void> {
  if (isPinned !== undefined) {
    const certificate = peerCertificate(context);
    if (certificate === undefined || !isPinned(certificate)) throw new HttpProblem('ERR_PUSH_CALLER');
  }
  if (token !== undefined) await verifySignedToken(bearerToken(context.req.raw.headers), token);
}
