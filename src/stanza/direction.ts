/** Which way a stanza travels through the proxy. Every rule, count and limit is per direction. */
export type Direction = 'to-gatekeeper' | 'to-client';

/** Who may see a piece of metadata. The policy is a matrix of these against named fields. */
export type Audience = 'gatekeeper' | 'client' | 'provider' | 'operator';

/** Every direction, for tables that must cover both. */
export const directions: readonly Direction[] = ['to-gatekeeper', 'to-client'];

/** The other way. */
export function opposite(direction: Direction): Direction {
  return direction === 'to-gatekeeper' ? 'to-client' : 'to-gatekeeper';
}

/** The audience that reads what travels this way. */
export function audienceOf(direction: Direction): Audience {
  return direction === 'to-gatekeeper' ? 'gatekeeper' : 'client';
}
