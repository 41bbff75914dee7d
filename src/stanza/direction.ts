/** The direction in which a stanza passes the proxy. Every rule, count and limit is per direction. */
export type Direction = 'to-gatekeeper' | 'to-client';

/** A party that may see metadata. The policy is a matrix of audiences and fields. */
export type Audience = 'gatekeeper' | 'client' | 'provider' | 'operator';

/** Every direction, for tables that must cover both. */
export const directions: readonly Direction[] = ['to-gatekeeper', 'to-client'];

/** Returns the other direction. */
export function opposite(direction: Direction): Direction {
  return direction === 'to-gatekeeper' ? 'to-client' : 'to-gatekeeper';
}

/** Returns the audience that receives stanzas of this direction. */
export function audienceOf(direction: Direction): Audience {
  return direction === 'to-gatekeeper' ? 'gatekeeper' : 'client';
}
