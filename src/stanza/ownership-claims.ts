/** Claims of a client's ownership token (RFC 7519 §4), as far as they can be compared with what an
 *  operator has written down. */
import type { Sensitive } from './sensitive.ts';

export type ClaimValue = string | number | boolean;

/** By name, and only those that the operator has listed. */
export type OwnershipClaims = ReadonlyMap<string, Sensitive<ClaimValue>>;

/** Longest text that is compared, in characters: a token that says more says it in vain. */
export const claimCharactersMax = 256;

export const noClaims: OwnershipClaims = new Map();
