import { ns } from '../../stanza/namespaces.ts';
import { bareJid, parseJid, type Jid } from '../jid.ts';
import { errorReply, type StanzaCondition } from '../stanza-error.ts';
import { attribute, element, elements, language, withAttributes, type Element } from '../xml/element.ts';
import type { Account, Accounts } from './accounts.ts';
import { OfflineMessages } from './offline.ts';
import type { Settings } from './options.ts';
import { Presence } from './presence.ts';
import { createServices, findService, type Request, type Service } from './services.ts';
import type { Session, Sessions } from './session.ts';

/** Routes the stanzas of bound sessions (RFC 6120 §8, §10; RFC 6121 §8). */
export class Router {
  readonly #domain: string;
  readonly #settings: Settings;
  readonly #accounts: Accounts;
  readonly #sessions: Sessions;
  readonly #presence: Presence;
  readonly #services: readonly Service[];
  readonly #offline: OfflineMessages;

  constructor(settings: Settings, accounts: Accounts, sessions: Sessions) {
    const { domain, limits } = settings;
    this.#domain = domain;
    this.#settings = settings;
    this.#offline = new OfflineMessages(domain, limits.offlineMessagesMax, Date.now);
    this.#accounts = accounts;
    this.#sessions = sessions;
    this.#presence = new Presence(accounts, sessions);
    this.#services = createServices(accounts, sessions, { push: limits.offlineMessagesMax > 0 });
  }

  onElement(session: Session, source: Element): void {
    if (source.namespace !== ns.client || !['message', 'presence', 'iq'].includes(source.local)) {
      session.connection.fail('unsupported-stanza-type');
      return;
    }
    const claimed = attribute(source, 'from');
    if (claimed !== undefined && !isOwn(session, claimed)) {
      session.connection.fail('invalid-from');
      return;
    }
    const stanza = withAttributes(source, { from: session.jid, 'xml:lang': language(source) });
    const condition = this.#route(session, stanza);
    if (condition !== undefined) bounce(session, stanza, condition);
  }

  onClosed(session: Session): void {
    this.#sessions.remove(session);
    this.#presence.closed(session);
  }

  /** Delivers a stanza.
   *  @returns the error that answers it; undefined for none */
  #route(session: Session, stanza: Element): StanzaCondition | undefined {
    const address = attribute(stanza, 'to');
    const to = address === undefined ? undefined : parseJid(address);
    if (address !== undefined && to === undefined) return 'jid-malformed';
    if (to !== undefined && to.domain !== this.#domain) return 'remote-server-not-found';
    if (stanza.local === 'iq') return this.#routeIq(session, stanza, to);
    if (stanza.local === 'message') return this.#routeMessage(session, stanza, to);
    if (to === undefined) return this.#broadcast(session, stanza);
    if (to.local !== '') this.#presence.direct(session, stanza, to);
    return undefined;
  }

  #broadcast(session: Session, presence: Element): StanzaCondition | undefined {
    const isInitial = session.presence === undefined;
    const condition = this.#presence.broadcast(session, presence);
    // Stored messages are for a resource that accepts messages (XEP-0160 §3).
    if (isInitial && session.presence !== undefined && session.priority >= 0)
      for (const message of this.#offline.take(session.account)) session.connection.send(message);
    return condition;
  }

  /** Delivers a message: to its resource when that is bound, else as to the bare JID (RFC 6121 §8.5). */
  #routeMessage(session: Session, stanza: Element, to: Jid | undefined): StanzaCondition | undefined {
    const type = messageType(stanza);
    const account = to === undefined ? session.account : this.#accounts.find(to.local);
    const unreachable = type === 'headline' || type === 'error' ? undefined : 'service-unavailable';
    if (account === undefined) return unreachable;
    const exact = to === undefined ? undefined : this.#sessions.find(account, to.resource);
    if (exact !== undefined) {
      exact.connection.send(stanza);
      return undefined;
    }
    // A room's message, or an error, for an unbound resource is for no other resource (§8.5.3.2.1).
    const isForResource = to !== undefined && to.resource !== '';
    if (type === 'groupchat' || type === 'error' || (isForResource && type === 'headline'))
      return unreachable;
    const receivers = this.#sessions.preferred(account);
    for (const receiver of receivers) receiver.connection.send(stanza);
    return receivers.length > 0 || this.#keep(account, stanza) ? undefined : unreachable;
  }

  /** Stores a message for its recipient, and notifies devices that can be woken.
   *  @returns whether it was stored */
  #keep(account: Account, message: Element): boolean {
    const count = this.#offline.keep(account, message);
    if (count === undefined) return false;
    const sender = parseJid(attribute(message, 'from')!)!;
    this.#settings.onOffline({
      recipient: account.jid,
      sender: bareJid(sender),
      messageId: attribute(message, 'id'),
      count,
      pushNodes: [...account.pushNodes],
    });
    return true;
  }

  #routeIq(session: Session, stanza: Element, to: Jid | undefined): StanzaCondition | undefined {
    const type = attribute(stanza, 'type');
    const isRequest = type === 'get' || type === 'set';
    if (!isRequest && type !== 'result' && type !== 'error') return 'bad-request';
    if (attribute(stanza, 'id') === undefined) return 'bad-request';
    if (isRequest && elements(stanza).length !== 1) return 'bad-request';
    if (to !== undefined && to.local !== '' && to.resource !== '')
      return this.#relayIq(stanza, to, isRequest);
    if (!isRequest) return undefined;
    return this.#answerIq(session, stanza, to, type);
  }

  /** Relays an iq from one resource to another (RFC 6121 §8.5.3.1, §8.5.3.2.3). */
  #relayIq(stanza: Element, to: Jid, isRequest: boolean): StanzaCondition | undefined {
    const account = this.#accounts.find(to.local);
    const receiver = account === undefined ? undefined : this.#sessions.find(account, to.resource);
    if (receiver === undefined) return isRequest ? 'service-unavailable' : undefined;
    receiver.connection.send(stanza);
    return undefined;
  }

  /** Answers an iq to the domain or to an account (RFC 6121 §8.5.1, §8.5.2.1.3). */
  #answerIq(
    session: Session,
    stanza: Element,
    to: Jid | undefined,
    type: Request['type'],
  ): StanzaCondition | undefined {
    const payload = elements(stanza)[0]!;
    const account = this.#accountAsked(session, to);
    const at = account === undefined ? 'domain' : account === session.account ? 'self' : 'other';
    const isUnknownUser = account === undefined && to?.local !== '';
    const service = isUnknownUser ? undefined : findService(this.#services, payload, at);
    if (service === undefined) return 'service-unavailable';
    const answer = service.answer({ type, session, payload, at, account });
    if (answer.kind === 'error') return answer.condition;
    const attributes = {
      type: 'result',
      id: attribute(stanza, 'id'),
      from: attribute(stanza, 'to'),
      to: session.jid,
    };
    const children = answer.payload === undefined ? [] : [answer.payload];
    session.connection.send(element(ns.client, 'iq', attributes, ...children));
    return undefined;
  }

  #accountAsked(session: Session, to: Jid | undefined): Account | undefined {
    if (to === undefined) return session.account;
    return to.local === '' ? undefined : this.#accounts.find(to.local);
  }
}

/** Returns the type of a message; an unknown one is `normal` (RFC 6121 §5.2.2). */
function messageType(stanza: Element): string {
  const type = attribute(stanza, 'type');
  return type !== undefined && ['chat', 'error', 'groupchat', 'headline'].includes(type) ? type : 'normal';
}

/** Returns whether an address is the full JID or the bare JID of the sender (RFC 6120 §8.1.2.1). */
function isOwn(session: Session, claimed: string): boolean {
  return claimed === session.jid || claimed === session.account.jid;
}

/** Answers a stanza with an error, except an error or a result (RFC 6120 §8.3.1). */
function bounce(session: Session, stanza: Element, condition: StanzaCondition): void {
  const type = attribute(stanza, 'type');
  if (type === 'error' || (stanza.local === 'iq' && type === 'result')) return;
  session.connection.send(errorReply(stanza, condition, { from: attribute(stanza, 'to'), to: session.jid }));
}
