/** Claims of a client's ownership token (RFC 7519 §4), as far as a configuration can compare them. */
import type { Sensitive } from './sensitive.ts';

export type ClaimValue = string | number | boolean;

/** Claims by name; only those that the configuration lists. */
export type OwnershipClaims = ReadonlyMap<string, Sensitive<ClaimValue>>;

/** Longest text that is compared, in characters. A longer claim matches nothing. */
export const claimCharactersMax = 256;

export const noClaims: OwnershipClaims = new Map();
