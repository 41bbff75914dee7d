/** Verifies the proof that a user owns a user-visible identifier: a token signed by the provider, in the form of
 *  OpenID Connect Core §2. Claims cannot be removed from a signed token, so a claim beyond those allowed is
 *  reported, or the token is refused. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { claimCharactersMax, type ClaimValue, type OwnershipClaims } from '../../stanza/ownership-claims.ts';
import { Sensitive } from '../../stanza/sensitive.ts';
import { HttpProblem } from '../problem.ts';
import { verifySignedToken, type SignedTokenRules } from './signed-token.ts';
import type { JsonObject, JsonValue } from '../strict-json.ts';

export interface OwnershipRules extends Omit<SignedTokenRules, 'needsSubject'> {
  /** Claims that the token may have in addition to `requiredClaims`. */
  readonly claimsAllowed: readonly string[];
  readonly claimsUnlisted: 'flag' | 'refuse';
  /** Whether a token needs a nonce even where the request has none. */
  readonly nonceRequired: boolean;
}

export interface OwnershipProof {
  /** The user-visible identifier (`sub`). */
  readonly subject: Sensitive<string>;
  /** The token as received, for the gatekeeper. */
  readonly token: Sensitive<string>;
  readonly nonce: Sensitive<string> | undefined;
  /** Until when the token is accepted, in milliseconds since 1970. */
  readonly acceptedUntil: number;
  /** Those of `claimsAllowed` that the token has and that can be compared. */
  readonly claims: OwnershipClaims;
  /** Names of claims beyond those allowed; unregistered names are `other`. */
  readonly unlisted: readonly string[];
}

export interface OwnershipVerifier {
  /** Verifies a token.
   *  @param nonce of this request; undefined where the protocol has no place for one
   *  @throws HttpProblem with an ERR_TOKEN_ code, or ERR_KEYS_UNAVAILABLE */
  verify(token: string, nonce?: string): Promise<OwnershipProof>;
}

const requiredClaims = ['iss', 'sub', 'aud', 'exp', 'iat'];
const alwaysAllowed = [...requiredClaims, 'nbf', 'nonce', 'jti'];

/** Claims registered for OpenID Connect (Core §5.1, §2), whose names may be logged. Any other name is the provider's
 *  own and may be revealing. */
const registeredClaims: ReadonlySet<string> = new Set([
  'acr',
  'address',
  'amr',
  'at_hash',
  'auth_time',
  'azp',
  'birthdate',
  'c_hash',
  'email',
  'email_verified',
  'family_name',
  'gender',
  'given_name',
  'locale',
  'middle_name',
  'name',
  'nickname',
  'phone_number',
  'phone_number_verified',
  'picture',
  'preferred_username',
  'profile',
  'sid',
  'updated_at',
  'website',
  'zoneinfo',
]);

export function createOwnershipVerifier(rules: OwnershipRules): OwnershipVerifier {
  const tokenRules = { ...rules, needsSubject: true };
  return {
    verify: async (token, nonce) => {
      const { subject, acceptedUntil, all } = await verifySignedToken(token, tokenRules);
      if (subject === undefined) throw new HttpProblem('ERR_TOKEN_CLAIM_MISSING');
      const found = checkNonce(all, nonce, rules.nonceRequired);
      return {
        subject: new Sensitive(subject),
        token: new Sensitive(token),
        nonce: found === undefined ? undefined : new Sensitive(found),
        acceptedUntil,
        claims: comparableClaims(all, rules.claimsAllowed),
        unlisted: unlistedClaims(all, rules),
      };
    },
  };
}

function checkNonce(claims: JsonObject, expected: string | undefined, required: boolean): string | undefined {
  const { nonce } = claims;
  if (nonce !== undefined && typeof nonce !== 'string') throw new HttpProblem('ERR_TOKEN_NONCE');
  if (nonce === undefined && (required || expected !== undefined)) throw new HttpProblem('ERR_TOKEN_NONCE');
  if (nonce !== undefined && expected !== undefined && !sameText(nonce, expected)) {
    throw new HttpProblem('ERR_TOKEN_NONCE');
  }
  return nonce;
}

function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function comparableClaims(claims: JsonObject, allowed: readonly string[]): OwnershipClaims {
  const comparable = new Map<string, Sensitive<ClaimValue>>();
  for (const name of allowed) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (isComparable(value)) comparable.set(name, new Sensitive(value));
  }
  return comparable;
}

/** Returns whether a claim can be compared with a condition. Lists and objects have no specified equality. */
function isComparable(value: JsonValue | undefined): value is ClaimValue {
  if (typeof value === 'string') return value.length <= claimCharactersMax;
  return typeof value === 'boolean' || typeof value === 'number';
}

function unlistedClaims(claims: JsonObject, { claimsAllowed, claimsUnlisted }: OwnershipRules): string[] {
  const unlisted = Object.keys(claims).filter(
    (name) => !alwaysAllowed.includes(name) && !claimsAllowed.includes(name),
  );
  if (unlisted.length > 0 && claimsUnlisted === 'refuse') {
    throw new HttpProblem('ERR_TOKEN_CLAIM_UNLISTED', { claims: unlisted.length });
  }
  return unlisted.map((name) => (registeredClaims.has(name) ? name : 'other'));
}
