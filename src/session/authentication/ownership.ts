/** Ownership tokens in a session. Their verification is a function that is passed in. */
import type { TokenErrorCode } from '../../errors/token.ts';
import { prepareBare } from '../../stanza/jid.ts';
import type { OwnershipClaims } from '../../stanza/ownership-claims.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';

/** Verifies that a token proves the ownership of an identifier. The function must not keep the token. */
export type VerifyOwnership = (token: Sensitive<string>) => Promise<OwnershipVerdict>;

export type OwnershipVerdict =
  /** `subject` is the user-visible identifier in the token. */
  | { readonly kind: 'owned'; readonly subject: Sensitive<string>; readonly claims: OwnershipClaims }
  | { readonly kind: 'refused'; readonly code: TokenErrorCode }
  /** The provider's keys cannot be fetched now, so the token is unverified. */
  | { readonly kind: 'unavailable' };

/** Compares the name that a client gives itself with the subject of its token. A name without a domain gets
 *  `domain`; case does not matter (RFC 7622 §3.3). */
export function isSubject(claimed: string, subject: Sensitive<string>, domain: string): boolean {
  return prepareBare(claimed, domain) === prepareBare(subject.reveal(), domain);
}
