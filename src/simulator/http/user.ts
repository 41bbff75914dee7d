/** The users of a party, authenticated at its HTTP port by name and password (RFC 7617). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { header } from './message.ts';
import type { IncomingRequest } from './server.ts';

export interface PartyUser {
  /** The identifier that others see: a bare JID. */
  readonly identifier: string;
  readonly password: string;
}

/** Returns the value of an Authorization header. */
export function basicCredentials({ identifier, password }: PartyUser): string {
  return `Basic ${Buffer.from(`${identifier}:${password}`).toString('base64')}`;
}

/** Returns the user whose name and password the request has; undefined for none. */
export function authenticatedUser(
  users: readonly PartyUser[],
  request: IncomingRequest,
): PartyUser | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header(request, 'authorization') ?? '') ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  return users.find(({ identifier, password }) => sameText(`${identifier}:${password}`, text));
}

function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
