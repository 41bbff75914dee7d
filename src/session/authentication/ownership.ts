/** Ownership tokens as a session knows them. They are verified elsewhere, by a function that is passed in. */
import type { TokenErrorCode } from '../../errors/token.ts';
import { prepareBare } from '../../stanza/jid.ts';
import type { OwnershipClaims } from '../../stanza/ownership-claims.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';

/** Verifies that a token proves the ownership of an identifier. Must not keep the token. */
export type VerifyOwnership = (token: Sensitive<string>) => Promise<OwnershipVerdict>;

export type OwnershipVerdict =
  /** `subject` is the user-visible identifier that the token was signed for. */
  | { readonly kind: 'owned'; readonly subject: Sensitive<string>; readonly claims: OwnershipClaims }
  | { readonly kind: 'refused'; readonly code: TokenErrorCode }
  /** The provider's keys cannot be had now: nothing is known of the token. */
  | { readonly kind: 'unavailable' };

/** Whether the client's name for itself is the token's subject. A name without a domain is one of this domain; case
 *  does not tell users apart (RFC 7622 §3.3). */
export function isSubject(claimed: string, subject: Sensitive<string>, domain: string): boolean {
  return prepareBare(claimed, domain) === prepareBare(subject.reveal(), domain);
}
