/** The cast: juliet with two devices behind the proxy, romeo connected to the server directly. */
import { randomUUID } from 'node:crypto';
import { attribute, elements, type Element } from '../../../src/simulator/xml/element.ts';
import { parseElement } from '../../../src/simulator/xml/reader.ts';
import type { StanzaClient } from '../../peers/stanza-client.ts';
import type { Link } from '../../support/link.ts';

export interface Stage {
  readonly juliet: StanzaClient;
  /** Juliet's other device. */
  readonly tablet: StanzaClient;
  readonly romeo: StanzaClient;
  /** Juliet's first device is connected through it. */
  readonly network: Link;
  readonly domain: string;
  /** Whether juliet's client sends again what a cut has swallowed. */
  readonly repeats: boolean;
}

/** What the other side gets of something. */
export type Sight =
  /** As it was said. */
  | 'seen'
  /** Something of it, less exactly. */
  | 'changed'
  /** Nothing, and the sender does not know. */
  | 'withheld'
  /** Nothing, and the sender gets an error. */
  | 'refused'
  /** What the proxy says in the client's place. */
  | 'answered';

/** A name that occurs nowhere else. */
export function fresh(): string {
  return `n${randomUUID().replaceAll('-', '').slice(0, 12)}`;
}

export function bare(client: StanzaClient): string {
  return client.jid.split('/')[0]!;
}

export function read(xml: string): Element {
  const element = parseElement(xml);
  if (element === undefined) throw new SyntaxError(`no element: ${xml}`);
  return element;
}

export function chat(to: string, payload: string, id = fresh()): string {
  return `<message xmlns='jabber:client' type='chat' id='${id}' to='${to}'>${payload}</message>`;
}

/** Sends a message and after it one that always arrives: what has not arrived of the first by then never will. */
export async function say(from: StanzaClient, to: StanzaClient, stanza: string): Promise<void> {
  const mark = fresh();
  from.send(stanza);
  from.send(chat(bare(to), `<body>${mark}</body>`));
  await to.until((xml) => xml.includes(mark));
}

/** What `to` has received that holds this text. */
export function got(to: StanzaClient, text: string): string | undefined {
  return to.stanzas.find((xml) => xml.includes(text));
}

/** Sends an iq and gives its answer. `payload` is what it holds; to the account itself without `to`. */
export async function ask(
  from: StanzaClient,
  type: 'get' | 'set',
  payload: string,
  to?: string,
): Promise<Element> {
  const id = fresh();
  const address = to === undefined ? '' : ` to='${to}'`;
  from.send(`<iq xmlns='jabber:client' type='${type}' id='${id}'${address}>${payload}</iq>`);
  const answer = await from.until((xml) => {
    if (!xml.startsWith('<iq') || !xml.includes(id)) return false;
    const { id: of, type: kind } = attributesOf(read(xml));
    return of === id && (kind === 'result' || kind === 'error');
  });
  return read(answer);
}

/** What an iq says of whether something was possible. */
export function granted(answer: Element): Sight {
  return attribute(answer, 'type') === 'result' ? 'seen' : 'refused';
}

/** Whether two elements say the same: names, namespaces, attributes, text and order; not how they are written. */
export function same(one: Element | undefined, other: Element | undefined): boolean {
  return one !== undefined && other !== undefined && told(one) === told(other);
}

function told(element: Element): string {
  const attributes = Object.entries(attributesOf(element)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const children = element.children.map((child) => (typeof child === 'string' ? child : told(child)));
  return JSON.stringify([element.namespace, element.local, attributes, children]);
}

function attributesOf({ attributes }: Element): Record<string, string> {
  const own = attributes.filter(({ name }) => !name.startsWith('xmlns'));
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

/** The first element of this name and namespace, however deep. */
export function find(from: Element, namespace: string, local: string): Element | undefined {
  for (const child of elements(from)) {
    if (child.namespace === namespace && child.local === local) return child;
    const deeper = find(child, namespace, local);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
