import type { ChatConnection } from './connection.ts';
import type { ChatUser } from './users.ts';

/** One device that is logged in. */
export interface ChatSession {
  readonly connectionId: number;
  readonly connection: ChatConnection;
  readonly user: ChatUser;
  /** Address with the device. */
  readonly address: string;
  /** Whether it has said that it is available. */
  available: boolean;
  /** Whether stanzas stay in the mailbox: the client fetches the backlog itself, and has not done so. */
  holdsBack: boolean;
  /** Addresses, without a device, of users whose presence it wants. */
  readonly subscriptions: Set<string>;
}

/** The devices that are logged in. */
export class ChatSessions {
  readonly #byAddress = new Map<string, ChatSession>();

  get all(): ChatSession[] {
    return [...this.#byAddress.values()];
  }

  find(address: string): ChatSession | undefined {
    return this.#byAddress.get(address);
  }

  of(user: ChatUser): ChatSession[] {
    return this.all.filter((session) => session.user === user);
  }

  add(session: ChatSession): void {
    this.#byAddress.set(session.address, session);
  }

  /** Removes this session, unless another connection has taken its place since. */
  remove(session: ChatSession): void {
    if (this.#byAddress.get(session.address) === session) this.#byAddress.delete(session.address);
  }
}
