/** Presence: who is available, and since when not. A session sees others only while it is available itself, and only
 *  those that it has subscribed to; a user who hides the last time sees none either. */
import type { ChatNode } from './node.ts';
import type { ChatSession, ChatSessions } from './session.ts';
import type { ChatUser, ChatUsers } from './users.ts';

export interface PresenceContext {
  readonly users: ChatUsers;
  readonly sessions: ChatSessions;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

export class PresenceBoard {
  readonly #context: PresenceContext;
  /** Seconds since 1970 at which a user was last available, by address. */
  readonly #last = new Map<string, number>();

  constructor(context: PresenceContext) {
    this.#context = context;
  }

  /** Takes `<presence/>` of a session. */
  receive(session: ChatSession, { attrs }: ChatNode): void {
    const { type = 'available', to, name } = attrs;
    if (type === 'subscribe' && to !== undefined) {
      session.subscriptions.add(to);
      this.#show(session, to);
      return;
    }
    if (type !== 'available' && type !== 'unavailable') return;
    if (name !== undefined) session.user.name = name;
    this.#change(session, type === 'available');
    if (session.available) for (const address of session.subscriptions) this.#show(session, address);
  }

  closed(session: ChatSession): void {
    if (session.available) this.#change(session, false);
  }

  #change(session: ChatSession, available: boolean): void {
    const { sessions, now } = this.#context;
    session.available = available;
    const { address } = session.user;
    this.#last.set(address, Math.floor(now() / 1000));
    for (const other of sessions.all)
      if (other.user !== session.user && other.subscriptions.has(address)) this.#show(other, address);
  }

  /** Sends a user's presence to a session that may see it. */
  #show(session: ChatSession, address: string): void {
    const user = this.#context.users.find(address);
    if (!session.available || user === undefined || user.blocked.has(session.user.address)) return;
    session.connection.send({ tag: 'presence', attrs: this.#describe(user, session.user) });
  }

  #describe(user: ChatUser, viewer: ChatUser): Record<string, string> {
    const from = user.address;
    if (this.#context.sessions.of(user).some(({ available }) => available)) return { from };
    const last = this.#last.get(from);
    const hidden = [user, viewer].some(({ privacy }) => privacy.get('last') === 'none');
    return { from, type: 'unavailable', last: hidden || last === undefined ? 'deny' : String(last) };
  }
}
