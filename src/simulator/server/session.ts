import { formatJid, parseJid } from '../jid.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './accounts.ts';
import type { Connection } from './connection.ts';

/** One bound resource (RFC 6120 §7). */
export interface Session {
  readonly connection: Connection;
  readonly account: Account;
  readonly resource: string;
  /** Full JID. */
  readonly jid: string;
  /** The last available presence broadcast; undefined while unavailable. */
  presence: Element | undefined;
  /** Priority of the resource (RFC 6121 §4.7.2.3). */
  priority: number;
  /** Whether it has requested the roster, and so gets roster pushes (RFC 6121 §2.1.6). */
  wantsRosterPushes: boolean;
  /** Full and bare JIDs that directed presence was sent to: they also get the unavailable presence (RFC 6121
   *  §4.6.3). */
  readonly directedTo: Set<string>;
}

export function createSession(connection: Connection, account: Account, resource: string): Session {
  const jid = formatJid({ ...parseJid(account.jid)!, resource });
  return {
    connection,
    account,
    resource,
    jid,
    presence: undefined,
    priority: 0,
    wantsRosterPushes: false,
    directedTo: new Set(),
  };
}

/** The bound sessions, by account and resource. */
export class Sessions {
  readonly #byAccount = new Map<Account, Map<string, Session>>();

  of(account: Account): Session[] {
    return [...(this.#byAccount.get(account)?.values() ?? [])];
  }

  find(account: Account, resource: string): Session | undefined {
    return this.#byAccount.get(account)?.get(resource);
  }

  /** Returns the sessions that have sent initial presence. */
  available(account: Account): Session[] {
    return this.of(account).filter(({ presence }) => presence !== undefined);
  }

  /** Returns the receivers of a message to the bare JID: the available resources of the highest priority that is not
   *  negative (RFC 6121 §8.5.2.1.1). */
  preferred(account: Account): Session[] {
    const candidates = this.available(account).filter(({ priority }) => priority >= 0);
    const highest = Math.max(...candidates.map(({ priority }) => priority));
    return candidates.filter(({ priority }) => priority === highest);
  }

  add(session: Session): void {
    const resources = this.#byAccount.get(session.account) ?? new Map<string, Session>();
    this.#byAccount.set(session.account, resources.set(session.resource, session));
  }

  /** Removes this session, unless another has taken its resource since. */
  remove(session: Session): void {
    const resources = this.#byAccount.get(session.account);
    if (resources?.get(session.resource) === session) resources.delete(session.resource);
  }
}
