/** Reasons to refuse a signed token, with remedies: tokens of clients that connect (`channelBinding:
 *  reauthenticate`) and of callers over HTTP. ERRORS.md is generated from this table. */
import type { ErrorRow } from './row.ts';

const issuer = 'Correct how the issuer signs its tokens.';
const client = 'Nothing is to be done unless it happens often: clients fetch a new token then.';
const configured = 'Correct the issuer, or `provider` in narthex.yaml, so that both say the same.';

export const tokenErrors = {
  ERR_TOKEN_MISSING: { cause: 'There is no bearer token.', remedy: 'Have the caller send one.', status: 401 },
  ERR_TOKEN_TOO_LARGE: {
    cause: 'The token is larger than the limit.',
    remedy: 'Have it carry fewer claims.',
    status: 401,
  },
  ERR_TOKEN_MALFORMED: {
    cause: 'The token is not a JWS in compact form with JSON inside.',
    remedy: issuer,
    status: 401,
  },
  ERR_TOKEN_DUPLICATE: { cause: 'The token names a member twice.', remedy: issuer, status: 401 },
  ERR_TOKEN_UNSECURED: { cause: 'The token is not signed.', remedy: issuer, status: 401 },
  ERR_TOKEN_ALGORITHM: {
    cause: 'The token is signed with an algorithm that is not allowed.',
    remedy: configured,
    status: 401,
  },
  ERR_TOKEN_CRITICAL: {
    cause: 'The token asks for an extension that is not understood.',
    remedy: issuer,
    status: 401,
  },
  ERR_TOKEN_EMBEDDED_KEY: {
    cause: 'The token brings or points to its own key.',
    remedy: issuer,
    status: 401,
  },
  ERR_TOKEN_TYPE: { cause: 'The token is of another type.', remedy: issuer, status: 401 },
  ERR_TOKEN_KEY_UNKNOWN: {
    cause: 'The token names no key of its issuer.',
    remedy:
      'Publish a new key before tokens are signed with it, and an old one until its last token has expired.',
    status: 401,
  },
  ERR_TOKEN_KEY_MISMATCH: {
    cause: 'The key the token names is not made for its algorithm.',
    remedy: issuer,
    status: 401,
  },
  ERR_TOKEN_SIGNATURE: {
    cause: 'The signature of the token does not verify.',
    remedy: 'Look at who sends it: it was altered or forged.',
    status: 401,
  },
  ERR_TOKEN_CLAIM_MISSING: {
    cause: 'A claim the token must have is missing or malformed.',
    remedy: issuer,
    status: 401,
  },
  ERR_TOKEN_ISSUER: { cause: 'The token is of another issuer.', remedy: configured, status: 401 },
  ERR_TOKEN_AUDIENCE: { cause: 'The token is for another audience.', remedy: configured, status: 401 },
  ERR_TOKEN_EXPIRED: { cause: 'The token has expired.', remedy: client, status: 401 },
  ERR_TOKEN_NOT_YET_VALID: {
    cause: 'The token is not valid yet.',
    remedy: 'Compare the clocks of the issuer and of this machine.',
    status: 401,
  },
  ERR_TOKEN_LIFETIME: { cause: 'The token lives longer than allowed.', remedy: configured, status: 401 },
  ERR_TOKEN_NONCE: {
    cause: 'The nonce of the token is not the one of this request.',
    remedy: client,
    status: 401,
  },
  ERR_TOKEN_REPLAYED: {
    cause: 'The token was used for another request already.',
    remedy: 'Look at who sends it: tokens are not shared.',
    status: 401,
  },
  ERR_TOKEN_CLAIM_UNLISTED: {
    cause: 'The token has claims beyond those allowed.',
    remedy: 'Have the issuer leave them out, or allow them under `provider` in narthex.yaml.',
    status: 403,
  },
} as const satisfies Readonly<Record<`ERR_TOKEN_${string}`, ErrorRow>>;

export type TokenErrorCode = keyof typeof tokenErrors;

export const tokenErrorCodes = Object.keys(tokenErrors) as readonly TokenErrorCode[];

export function isTokenErrorCode(code: string): code is TokenErrorCode {
  return Object.hasOwn(tokenErrors, code);
}
