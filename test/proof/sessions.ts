/** Sessions that stanzas are judged for, the servers of their media, and the secret of their pseudonyms. */
import type { MediaServers } from '../reference/addresses.ts';
import type { Session } from '../reference/language.ts';
import type { Random } from '../support/random.ts';

export const gatekeepers = ['gk', 'other'] as const;
export const now = Date.parse('2026-11-23T12:00:00Z');
export const secret = Buffer.alloc(32, 7);

/** A token that shows what it is bound to, in the place of one that is encrypted (src/http/media/token.ts). */
const readable = (parts: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

export const media: MediaServers = {
  base: 'https://proxy.example/media/',
  provider: ['https://media.provider.example'],
  gatekeepers: { gk: ['https://up.gatekeeper.example'] },
  seal: (address, viewer, scope, period) => readable([address, viewer, scope, period ?? null]),
  open: (token, viewer) => {
    if (!/^[\w-]+$/.test(token)) return undefined;
    try {
      const parts = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
      return parts[1] === viewer && readable(parts) === token ? String(parts[0]) : undefined;
    } catch {
      return undefined;
    }
  },
};

/** Returns a session of one gatekeeper. Account and resource change during its life: see `moment`. */
export function generateSession(random: Random, gatekeeper: string, number: number): Session {
  return {
    gatekeeper,
    account: '',
    listener: random.pick([undefined, 'vpn', 'public']),
    claims: random.pick([undefined, {}, { plan: 'gold' }, { plan: 'gold', age: 3 }]),
    region: random.pick([undefined, 'AT', 'AT-9', 'DE', 'DE-BY', 'FR']),
    resource: '',
    session: `session-${number}`,
    startedAt: now - random.pick([0, 3_600_000, 86_400_000]),
    now,
  };
}

/** Returns the session at some moment of its life: before and after authentication, before and after the resource was bound.
 *  @param bound the resource as the gatekeeper has it */
export function moment(session: Session, random: Random, bound: string): Session {
  if (random.once(12)) return session;
  const account = 'me@provider.example';
  return random.once(3) ? { ...session, account } : { ...session, account, resource: bound };
}
