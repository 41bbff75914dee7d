/** Verifies an ownership token as a gatekeeper does, at enlistment and at each connection. Uses jose's `jwtVerify`,
 *  where the product has its own rules, so that a test can compare the two. */
import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { PublishedKeys } from './published-keys.ts';

/** Why a token is refused. */
export type TokenFault = 'malformed' | 'unknown-key' | 'signature' | 'expired' | 'claims';

export type TokenCheck =
  | { readonly kind: 'valid'; readonly subject: string; readonly kid: string }
  | { readonly kind: 'refused'; readonly fault: TokenFault };

export interface OwnershipCheck {
  check(token: string): Promise<TokenCheck>;
}

export interface OwnershipCheckOptions {
  readonly keys: Pick<PublishedKeys, 'tokens'>;
  /** The provider's issuer identifier. */
  readonly issuer: string;
  /** This gatekeeper's name in tokens. */
  readonly audience: string;
  /** Returns milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

const tokenCharsMax = 8_192;
const clockToleranceS = 5;

export function createOwnershipCheck({
  keys,
  issuer,
  audience,
  now = Date.now,
}: OwnershipCheckOptions): OwnershipCheck {
  return {
    async check(token) {
      if (token.length > tokenCharsMax) return { kind: 'refused', fault: 'malformed' };
      try {
        const { payload } = await jwtVerify(token, keys.tokens, {
          issuer,
          audience,
          algorithms: ['ES256', 'EdDSA', 'RS256'],
          requiredClaims: ['sub', 'iat', 'exp'],
          clockTolerance: clockToleranceS,
          currentDate: new Date(now()),
        });
        const { kid } = decodeProtectedHeader(token);
        if (typeof payload.sub !== 'string' || payload.sub === '')
          return { kind: 'refused', fault: 'claims' };
        return { kind: 'valid', subject: payload.sub, kid: kid ?? '' };
      } catch (error) {
        return { kind: 'refused', fault: faultOf(error) };
      }
    },
  };
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return 'claims';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key';
  return 'malformed';
}
