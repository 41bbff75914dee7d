/** Sends canaries between an account of a deployment and a contact of it, with a client for each. Every stanza goes to
 *  the other one's full JID, so that servers pass it on and change nothing of either account. */
import type { Client } from '../simulator/client.ts';
import {
  attribute,
  child,
  element,
  is,
  text as textIn,
  withAttributes,
  type Element,
} from '../simulator/xml/element.ts';
import { parseElement } from '../simulator/xml/reader.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Direction } from '../stanza/direction.ts';
import { exampleMediaOrigin, type Canary } from './canary.ts';

/** Returns a client that is logged in, with nothing received yet. */
type LogIn = () => Promise<Client>;

export interface ExchangeOptions {
  /** The account, through the proxy. */
  readonly account: LogIn;
  /** The contact, at its server. */
  readonly contact: LogIn;
  /** Media servers whose addresses are sealed, by the direction in which they are. */
  readonly mediaOrigins: Readonly<Partial<Record<Direction, string>>>;
  /** Bound of one wait, in milliseconds. */
  readonly timeoutMs: number;
}

/** Returns why a canary is not sent through servers; undefined for one that is. */
function reasonNotToExchange(
  { field, direction, text }: Canary,
  { mediaOrigins }: ExchangeOptions,
): string | undefined {
  if (field.protocol !== 'xmpp') return 'it is of the chat channel, and sent by a run without --config';
  if (field.where !== 'stanza') return 'a value of the connection or of HTTP, not of a stanza';
  if (field.name === 'style.fingerprint') return 'the spelling of a stanza, which servers change';
  if (text.includes(exampleMediaOrigin) && mediaOrigins[direction] === undefined)
    return 'the configuration names no media server on that side';
  if (field.name === 'presence.subscription') return 'it would change a contact list';
  return /^<(message|presence|iq) /.test(text) ? undefined : 'an element that a server takes for itself';
}

/** Sends each canary, and a message after it.
 *  @returns what became of each
 *  @throws SimulatorError when a client cannot log in */
export async function exchangeCanaries(
  canaries: readonly Canary[],
  options: ExchangeOptions,
): Promise<ReadonlyMap<Canary, string>> {
  const outcomes = new Map<Canary, string>();
  let pair = await Pair.open(options);
  for (const canary of canaries) {
    const reason = reasonNotToExchange(canary, options);
    if (reason === undefined) {
      const outcome = await pair.exchange(canary);
      outcomes.set(canary, outcome);
      if (outcome !== 'sent') {
        await pair.close();
        pair = await Pair.open(options);
      }
    } else outcomes.set(canary, `not sent: ${reason}`);
  }
  await pair.close();
  return outcomes;
}

/** The two clients, with the address that each is known by on the other side. */
class Pair {
  readonly #account: Client;
  readonly #contact: Client;
  readonly #options: ExchangeOptions;
  /** The account's address as its contact knows it. */
  #accountAddress = '';
  #messages = 0;

  private constructor(account: Client, contact: Client, options: ExchangeOptions) {
    this.#account = account;
    this.#contact = contact;
    this.#options = options;
  }

  static async open(options: ExchangeOptions): Promise<Pair> {
    const pair = new Pair(await options.account(), await options.contact(), options);
    for (const client of [pair.#account, pair.#contact]) client.send(element(ns.client, 'presence'));
    const first = await pair.#sendMessage(pair.#account, pair.#contact, pair.#contact.jid);
    pair.#accountAddress = attribute(first, 'from') ?? '';
    return pair;
  }

  async exchange(canary: Canary): Promise<'sent' | 'stuck'> {
    const outward = canary.direction === 'to-gatekeeper';
    const [from, to] = outward ? [this.#account, this.#contact] : [this.#contact, this.#account];
    const address = outward ? this.#contact.jid : this.#accountAddress;
    try {
      from.send(routed(canary, address, this.#options.mediaOrigins[canary.direction]));
      await this.#sendMessage(from, to, address);
      return 'sent';
    } catch {
      return 'stuck';
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#account.close(), this.#contact.close()]);
  }

  /** Sends a message and returns it as it arrives. @throws SimulatorError when it does not arrive in time */
  async #sendMessage(from: Client, to: Client, address: string): Promise<Element> {
    const body = `after ${++this.#messages}.`;
    from.send(
      element(ns.client, 'message', { to: address, type: 'chat' }, element(ns.client, 'body', {}, body)),
    );
    const { element: arrived } = await to.receive((one) => isMessageWith(one, body), this.#options.timeoutMs);
    return arrived;
  }
}

function isMessageWith(stanza: Element, body: string): boolean {
  if (!is(stanza, ns.client, 'message') || attribute(stanza, 'type') === 'error') return false;
  const found = child(stanza, ns.client, 'body');
  return found !== undefined && textIn(found) === body;
}

/** Returns the stanza to this address, unless its own address has the marker. A request for a subscription becomes a
 *  presence of no type: a server keeps subscriptions. */
function routed({ text, marker }: Canary, address: string, mediaOrigin = exampleMediaOrigin): Element {
  const stanza = parseElement(text.replaceAll(exampleMediaOrigin, mediaOrigin))!;
  const isMarked = attribute(stanza, 'to')?.includes(marker.value) === true;
  return withAttributes(stanza, {
    from: undefined,
    to: isMarked ? attribute(stanza, 'to') : address,
    ...(attribute(stanza, 'type') === 'subscribe' ? { type: undefined } : {}),
  });
}
