/** What an operator supposes of a session, to have a policy explained. */
import { Sensitive } from '../stanza/sensitive.ts';
import type { ClaimValue } from '../stanza/ownership-claims.ts';
import type { Circumstances, KnownRegion } from './condition.ts';

export interface Supposed {
  readonly listener?: string | undefined;
  /** Undefined for a token that is not known. */
  readonly claims?: Readonly<Record<string, ClaimValue>> | undefined;
  /** A country (AT), or a region of one (AT-9). */
  readonly region?: string | undefined;
}

/** Whether a text is a country or a region of one. */
export function isRegion(text: string): boolean {
  return /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/.test(text);
}

/** @param supposed.region one that `isRegion` */
export function circumstancesOf({ listener, claims, region }: Supposed): Circumstances {
  const known =
    claims && new Map(Object.entries(claims).map(([name, value]) => [name, new Sensitive(value)]));
  return {
    listener,
    knownClaims: known,
    region: region === undefined ? undefined : new Sensitive(regionOf(region)),
  };
}

function regionOf(code: string): KnownRegion {
  return code.includes('-')
    ? { country: code.slice(0, 2), subdivision: code }
    : { country: code, subdivision: '' };
}
