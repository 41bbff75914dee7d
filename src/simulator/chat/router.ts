/** Handles the stanzas of devices that are logged in, and delivers to others. */
import { deviceAddress, groupServer, ownServer, parseAddress, userAddress } from './address.ts';
import { Mailbox, noDeliveries, owingTags, type DeliveryCounts } from './mailbox.ts';
import type { ChatNode } from './node.ts';
import type { ChatSettings } from './options.ts';
import { PresenceBoard } from './presence.ts';
import { answerRequest, childOf, childrenOf } from './requests.ts';
import { ChatSessions, type ChatSession } from './session.ts';
import { streamErrors } from './stream-errors.ts';
import { devicesOf, type ChatUser } from './users.ts';

/** Receipts that are about a user's own devices. */
const ownReceipts: ReadonlySet<string> = new Set([
  'read-self',
  'played-self',
  'peer_msg',
  'sender',
  'hist_sync',
]);
/** Receipts that do not settle a message: it has not been read, or not been understood. */
const unsettlingReceipts: ReadonlySet<string> = new Set(['retry', 'server-error']);

export class ChatRouter {
  readonly sessions = new ChatSessions();
  readonly counts: DeliveryCounts = noDeliveries();
  readonly #settings: ChatSettings;
  readonly #presence: PresenceBoard;
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(settings: ChatSettings) {
    this.#settings = settings;
    this.#presence = new PresenceBoard({ ...settings, sessions: this.sessions });
  }

  /** Takes a device that has logged in. An earlier connection of it ends.
   *  @param pulls whether the client fetches the backlog itself */
  opened(session: ChatSession, pulls: boolean): void {
    const earlier = this.sessions.find(session.address);
    this.sessions.add(session);
    earlier?.connection.fail(streamErrors.replaced);
    const waiting = this.mailbox(session.address).stanzas;
    if (waiting.length === 0) {
      this.#say(session, { tag: 'offline', attrs: { count: '0' } });
      return;
    }
    session.holdsBack = pulls;
    this.#say(session, { tag: 'offline_preview', attrs: countByTag(waiting) });
    if (!pulls) this.#sendBacklog(session);
  }

  closed(session: ChatSession): void {
    this.sessions.remove(session);
    this.#presence.closed(session);
  }

  receive(session: ChatSession, node: ChatNode): void {
    switch (node.tag) {
      case 'message':
        return this.#message(session, node);
      case 'receipt':
        return this.#receipt(session, node);
      case 'ack':
        return this.#ack(session, node);
      case 'iq':
        return this.#iq(session, node);
      case 'presence':
        return this.#presence.receive(session, node);
      case 'chatstate':
        return this.#chatState(session, node);
      case 'call':
        return this.#call(session, node);
      case 'ib':
        return childOf(node, 'offline_batch') === undefined ? undefined : this.#sendBacklog(session);
      default:
        session.connection.send(refusal(node, '488'));
    }
  }

  mailbox(address: string): Mailbox {
    const known = this.#mailboxes.get(address);
    if (known !== undefined) return known;
    const { limits, now } = this.#settings;
    const mailbox = new Mailbox({ stanzasMax: limits.mailboxStanzasMax, counts: this.counts, now });
    this.#mailboxes.set(address, mailbox);
    return mailbox;
  }

  /** Keeps a stanza for a device, and sends it when the device is there. One that is owed no acknowledgement is sent
   *  or lost. */
  deliver(address: string, node: ChatNode): void {
    const session = this.sessions.find(address);
    if (!owingTags.has(node.tag)) {
      session?.connection.send(node);
      return;
    }
    const mailbox = this.mailbox(address);
    if (!mailbox.put(node)) return;
    if (session !== undefined) this.#sendKept(session);
    else this.#stored(address, node);
  }

  #sendKept(session: ChatSession): number {
    if (session.holdsBack) return 0;
    return this.mailbox(session.address).sendTo(session.connectionId, (node) =>
      session.connection.send(node),
    );
  }

  #sendBacklog(session: ChatSession): void {
    session.holdsBack = false;
    const count = this.#sendKept(session);
    this.#say(session, { tag: 'offline', attrs: { count: String(count) } });
  }

  #say({ connection }: ChatSession, information: ChatNode): void {
    connection.send({ tag: 'ib', attrs: { from: ownServer }, content: [information] });
  }

  #stored(address: string, node: ChatNode): void {
    const recipient = this.#settings.users.find(userOf(address));
    const { from: sender = '' } = node.attrs;
    const count = this.mailbox(address).stanzas.length;
    if (recipient !== undefined) this.#settings.onStored({ recipient, sender, node, count });
  }

  /** Delivers a message to the devices of its recipient or group, and acknowledges it to the sender. */
  #message(session: ChatSession, node: ChatNode): void {
    const { id = '', to = '', type } = node.attrs;
    const recipients = this.#recipients(to);
    if (id === '' || recipients === undefined) {
      session.connection.send(refusal(node, '404'));
      return;
    }
    const t = this.#time();
    session.connection.send({
      tag: 'ack',
      attrs: { class: 'message', id, from: to, t, ...optional({ type }) },
    });
    const own = { from: session.address, notify: session.user.name ?? session.user.number, t };
    for (const [address, content] of contentByDevice(node, devicesFor(session, recipients), (address) =>
      this.#known(address),
    )) {
      const toOther = userOf(address) !== session.user.address;
      if (
        toOther &&
        recipients.find((user) => user.address === userOf(address))?.blocked.has(session.user.address)
      )
        continue;
      const attrs = isGroup(to)
        ? { ...passed(node), ...own, from: to, participant: session.address }
        : { ...passed(node), ...own, ...(toOther ? {} : { recipient: to }) };
      this.deliver(address, { tag: 'message', attrs, content });
    }
  }

  /** Settles the messages that a receipt names, and passes it to their sender. */
  #receipt(session: ChatSession, node: ChatNode): void {
    const { id = '', to = '', type = '', participant } = node.attrs;
    const ids = [id, ...childrenOf(childOf(node, 'list') ?? node).map(({ attrs }) => attrs['id'])];
    if (!unsettlingReceipts.has(type))
      for (const one of ids)
        if (one !== undefined && this.#isKept(session, one, to))
          this.mailbox(session.address).settle({ tag: 'message', id: one, from: to });
    const own = { from: session.address, t: this.#time() };
    const attrs = isGroup(to)
      ? { ...passed(node), ...own, from: to, participant: session.address }
      : { ...passed(node), ...own };
    for (const address of this.#receiversOf(session, participant ?? to, type))
      this.deliver(address, { ...node, attrs });
  }

  #isKept(session: ChatSession, id: string, from: string): boolean {
    return this.mailbox(session.address).stanzas.some(
      (kept) => kept.tag === 'message' && kept.attrs['id'] === id && kept.attrs['from'] === from,
    );
  }

  /** Returns the devices that a receipt is for: the very device for a retry, else all of the user's. */
  #receiversOf(session: ChatSession, to: string, type: string): string[] {
    if (ownReceipts.has(type))
      return devicesOf(session.user).filter((address) => address !== session.address);
    if (type === 'retry') return [this.#known(to)];
    const user = this.#settings.users.find(userOf(to));
    return user === undefined ? [] : devicesOf(user);
  }

  /** Settles a stanza. An acknowledgement must echo `participant` and `recipient`, where the stanza has them. */
  #ack(session: ChatSession, { attrs }: ChatNode): void {
    const { class: tag = '', id = '', to = '', recipient, participant } = attrs;
    const settled = this.mailbox(session.address).settle({ tag, id, from: to });
    if (settled === undefined) return;
    const wanted = settled.attrs;
    // Clients leave out the participant of a receipt.
    const isWhole =
      wanted['recipient'] === recipient && (wanted['participant'] === participant || tag === 'receipt');
    if (!isWhole) session.connection.fail(streamErrors.ack(settled));
  }

  #iq(session: ChatSession, node: ChatNode): void {
    const { type } = node.attrs;
    if (type !== 'get' && type !== 'set') return;
    const { users } = this.#settings;
    const remove = (user: ChatUser): void => {
      if (user.subject !== undefined) users.withdraw(user.subject);
    };
    session.connection.send(answerRequest(node, session, { users, remove }));
    if (users.find(session.user.address) === undefined) session.connection.fail(streamErrors.removed);
  }

  /** Passes a chat state to the devices that are available; it waits for none. */
  #chatState(session: ChatSession, node: ChatNode): void {
    const { to = '' } = node.attrs;
    const attrs = isGroup(to) ? { from: to, participant: session.address } : { from: session.address };
    for (const user of this.#recipients(to) ?? [])
      for (const other of this.sessions.of(user))
        if (other !== session && other.available) other.connection.send({ ...node, attrs });
  }

  #call(session: ChatSession, node: ChatNode): void {
    const { to = '' } = node.attrs;
    const attrs = { ...passed(node), from: session.address, t: this.#time() };
    for (const user of this.#recipients(to) ?? [])
      for (const address of devicesOf(user)) this.deliver(address, { ...node, attrs });
  }

  /** Returns the users of an address, all members of a group; undefined for an unknown one. */
  #recipients(to: string): readonly ChatUser[] | undefined {
    if (isGroup(to)) return this.#settings.users.members(to);
    const user = this.#settings.users.find(userOf(to));
    return user && [user];
  }

  /** Returns the address by which a device is known here, where another one names it by the user's alias. */
  #known(address: string): string {
    const parsed = parseAddress(address);
    const user = parsed && this.#settings.users.find(userAddress(parsed));
    return user === undefined ? address : deviceAddress(user.address, parsed!.device);
  }

  #time(): string {
    return String(Math.floor(this.#settings.now() / 1000));
  }
}

/** Returns the devices of the recipients and of the sender, the sending one excepted. */
function devicesFor({ user, address }: ChatSession, recipients: readonly ChatUser[]): string[] {
  return [...new Set([...recipients, user])].flatMap(devicesOf).filter((device) => device !== address);
}

/** Returns for each device the part of a message that is for it. A message may have one part for each device
 *  (`participants`); other parts are for all devices of the recipient, not for the sender's own. */
function contentByDevice(
  node: ChatNode,
  devices: readonly string[],
  known: (address: string) => string,
): Map<string, readonly ChatNode[]> {
  const common = childrenOf(node).filter(({ tag }) => tag !== 'participants');
  const parts = new Map(
    childrenOf(childOf(node, 'participants') ?? { tag: 'participants', attrs: {} }).map((part) => [
      known(part.attrs['jid'] ?? ''),
      childrenOf(part),
    ]),
  );
  const hasCommon = common.some(({ tag }) => tag === 'enc');
  const to = userOf(known(node.attrs['to'] ?? ''));
  const contents = devices.flatMap((device): [string, readonly ChatNode[]][] => {
    const part = parts.get(device);
    if (part !== undefined) return [[device, [...part, ...common]]];
    return hasCommon && (isGroup(to) || userOf(device) === to) ? [[device, common]] : [];
  });
  return new Map(contents);
}

/** Returns attributes that the gatekeeper passes on. */
function passed({ attrs }: ChatNode): Record<string, string> {
  const { to: _to, phash: _phash, participant: _participant, recipient: _recipient, ...rest } = attrs;
  return rest;
}

/** Returns an acknowledgement that refuses a stanza. */
function refusal(node: ChatNode, error: string): ChatNode {
  const { id, to } = node.attrs;
  return { tag: 'ack', attrs: { class: node.tag, ...optional({ id, from: to }), error } };
}

function optional(attrs: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const present = Object.entries(attrs).filter((one): one is [string, string] => one[1] !== undefined);
  return Object.fromEntries(present);
}

function countByTag(stanzas: readonly ChatNode[]): Record<string, string> {
  const counts: Record<string, string> = { count: String(stanzas.length) };
  for (const tag of owingTags) counts[tag] = String(stanzas.filter((one) => one.tag === tag).length);
  return counts;
}

function isGroup(address: string): boolean {
  return address.endsWith(`@${groupServer}`);
}

/** Returns an address without its device. */
function userOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed === undefined ? '' : userAddress(parsed);
}
