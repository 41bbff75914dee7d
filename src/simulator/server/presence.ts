import { ns } from '../../stanza/namespaces.ts';
import { bareJid, type Jid } from '../jid.ts';
import type { StanzaCondition } from '../stanza-error.ts';
import { attribute, child, element, text, withAttributes, type Element } from '../xml/element.ts';
import type { Account, Accounts } from './accounts.ts';
import type { Session, Sessions } from './session.ts';

/** Presence between users, who are all subscribed to each other (RFC 6121 §3, §4). */
export class Presence {
  readonly #accounts: Accounts;
  readonly #sessions: Sessions;

  constructor(accounts: Accounts, sessions: Sessions) {
    this.#accounts = accounts;
    this.#sessions = sessions;
  }

  /** Handles presence without `to`.
   *  @returns the error that answers it; undefined for none */
  broadcast(session: Session, presence: Element): StanzaCondition | undefined {
    const type = attribute(presence, 'type');
    if (type === 'unavailable') {
      this.#leave(session, presence);
      return undefined;
    }
    if (type !== undefined) return 'bad-request';
    const priority = priorityOf(presence);
    if (priority === undefined) return 'bad-request';
    const isInitial = session.presence === undefined;
    session.presence = presence;
    session.priority = priority;
    for (const receiver of this.#everyoneAvailable()) deliver(receiver, presence, session.jid);
    if (isInitial) this.#probeFor(session);
    return undefined;
  }

  /** Handles presence to a user of this domain: directed, a probe, or about subscriptions. */
  direct(session: Session, presence: Element, to: Jid): void {
    const type = attribute(presence, 'type');
    const account = this.#accounts.find(to.local);
    if (type === 'subscribe') answerSubscription(session, account, bareJid(to));
    else if (account === undefined) return;
    else if (type === 'probe') this.#answerProbe(session, account, to);
    else if (type === undefined || type === 'unavailable' || type === 'error') {
      for (const receiver of this.#receivers(account, to)) deliver(receiver, presence, session.jid);
      if (type === undefined) session.directedTo.add(attribute(presence, 'to')!);
      else session.directedTo.delete(attribute(presence, 'to')!);
    }
    // `subscribed`, `unsubscribe` and `unsubscribed` change nothing: subscriptions are fixed.
  }

  /** Handles a lost connection: sends the unavailable presence in the session's place (RFC 6121 §4.5.2). */
  closed(session: Session): void {
    this.#leave(session, element(ns.client, 'presence', { type: 'unavailable' }));
  }

  #leave(session: Session, unavailable: Element): void {
    const wasAvailable = session.presence !== undefined;
    session.presence = undefined;
    const receivers = new Set<Session>(wasAvailable ? this.#everyoneAvailable() : []);
    for (const address of session.directedTo) {
      for (const receiver of this.#everyBound()) {
        if (receiver.jid === address || receiver.account.jid === address) receivers.add(receiver);
      }
    }
    session.directedTo.clear();
    // The user's other resources get it too, the leaving one does not (RFC 6121 §4.5.2).
    receivers.delete(session);
    for (const receiver of receivers) deliver(receiver, unavailable, session.jid);
  }

  /** Sends what probes to every contact would have returned (RFC 6121 §4.2.2, §4.3). */
  #probeFor(session: Session): void {
    for (const other of this.#everyoneAvailable()) {
      if (other !== session) deliver(session, other.presence!, other.jid);
    }
  }

  #answerProbe(session: Session, account: Account, to: Jid): void {
    const asked = this.#sessions
      .available(account)
      .filter(({ resource }) => to.resource === '' || resource === to.resource);
    for (const one of asked) deliver(session, one.presence!, one.jid);
    if (asked.length === 0)
      deliver(session, element(ns.client, 'presence', { type: 'unavailable' }), account.jid);
  }

  #receivers(account: Account, to: Jid): Session[] {
    if (to.resource === '') return this.#sessions.available(account);
    const session = this.#sessions.find(account, to.resource);
    return session === undefined ? [] : [session];
  }

  #everyoneAvailable(): Session[] {
    return this.#accounts.all.flatMap((account) => this.#sessions.available(account));
  }

  #everyBound(): Session[] {
    return this.#accounts.all.flatMap((account) => this.#sessions.of(account));
  }
}

/** Answers a subscription request: every user is already subscribed to every other existing user (RFC 6121 §3.1.3). */
function answerSubscription(session: Session, account: Account | undefined, contact: string): void {
  const type = account === undefined ? 'unsubscribed' : 'subscribed';
  session.connection.send(element(ns.client, 'presence', { type, from: contact, to: session.account.jid }));
}

function deliver(receiver: Session, presence: Element, from: string): void {
  const to = attribute(presence, 'to') ?? receiver.account.jid;
  receiver.connection.send(withAttributes(presence, { from, to }));
}

/** Returns the priority of a presence (RFC 6121 §4.7.2.3); undefined for a malformed one. */
function priorityOf(presence: Element): number | undefined {
  const stated = child(presence, ns.client, 'priority');
  if (stated === undefined) return 0;
  const written = text(stated).trim();
  const value = /^[+-]?[0-9]{1,3}$/.test(written) ? Number(written) : Number.NaN;
  return value >= -128 && value <= 127 ? value : undefined;
}
