/** Addresses of media (docs/media-addresses.md): sealed for a receiver that may not see the server, opened on their return.
 *  And positions in a text that move with them (XEP-0426). */
import { domainToASCII } from 'node:url';
import type { Session } from './language.ts';
import { attributeOf, elementsIn, isElement, isNamed, type Attribute, type Element } from './tree.ts';

export type Viewer = 'gatekeeper' | 'client';

/** Media servers, and how an address becomes a token. */
export interface MediaServers {
  /** Begins every sealed address. */
  readonly base: string;
  readonly provider: readonly string[];
  /** By gatekeeper. */
  readonly gatekeepers: Readonly<Record<string, readonly string[]>>;
  readonly seal: (address: string, viewer: string, scope: string, period: number | undefined) => string;
  /** Returns the address in a token of this viewer. */
  readonly open: (token: string, viewer: string) => string | undefined;
}

/** `none` for what is no address: alone in a place for one it is withheld, among words it stays. */
export type Seen =
  'as-is' | 'none' | 'withheld' | 'refused' | { readonly address: string; readonly opened: boolean };

interface Sealing {
  readonly scope: string;
  readonly period: number | undefined;
}

/** The addresses of one stanza. */
export class Addresses {
  readonly #servers: MediaServers;
  readonly #gatekeeper: string;
  readonly #sealedMax: number;
  readonly #sealed = new Set<string>();

  /** @param bytes of the stanza as received */
  constructor(servers: MediaServers, { gatekeeper }: Session, bytes: number) {
    this.#servers = servers;
    this.#gatekeeper = gatekeeper;
    this.#sealedMax = Math.min(64, Math.max(5, Math.floor(bytes / 200)));
  }

  /** Returns an address as its receiver sees it.
   *  @param sealing undefined where it is shown
   *  @param opens whether the sender was given sealed addresses */
  see(address: string, receiver: Viewer, sealing: Sealing | undefined, opens: boolean): Seen {
    const url = URL.parse(address);
    const sender = receiver === 'gatekeeper' ? 'client' : 'gatekeeper';
    const original = opens && url !== null ? this.#opened(url, sender) : undefined;
    const shown = original === undefined ? 'as-is' : { address: original, opened: true };
    if (sealing === undefined) return shown;
    const sealed = this.#seal(original === undefined ? url : URL.parse(original), receiver, sealing, address);
    return sealed === 'as-is' ? shown : sealed;
  }

  #seal(url: URL | null, receiver: Viewer, { scope, period }: Sealing, written: string): Seen {
    if (url === null) return 'none';
    if (url.protocol === 'aesgcm:') return 'refused';
    const { provider, gatekeepers, base, seal } = this.#servers;
    const hidden = (receiver === 'gatekeeper' ? provider : (gatekeepers[this.#gatekeeper] ?? [])).map(
      (each) => new URL(each),
    );
    if (!hidden.some((each) => hostOf(each) === hostOf(url)) || this.#opened(url, receiver) !== undefined)
      return 'as-is';
    const fetchable =
      hidden.some(({ origin }) => origin === url.origin) && url.username === '' && url.password === '';
    if (!fetchable || url.href.length > 2_048) return 'withheld';
    if (!this.#sealed.has(written) && this.#sealed.size === this.#sealedMax) return 'refused';
    this.#sealed.add(written);
    return {
      address: base + seal(url.href, `${receiver} ${this.#gatekeeper}`, scope, period),
      opened: false,
    };
  }

  #opened({ href }: URL, viewer: Viewer): string | undefined {
    const { base, open } = this.#servers;
    return href.startsWith(base) ? open(href.slice(base.length), `${viewer} ${this.#gatekeeper}`) : undefined;
  }
}

function hostOf({ protocol, hostname }: URL): string {
  const host = /^https?:$/.test(protocol) ? hostname : domainToASCII(hostname) || hostname.toLowerCase();
  return host.replace(/\.$/, '');
}

/** A part of a text and what takes its place, in UTF-16 code units. */
export interface Replaced {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** Finds the addresses among words. Punctuation at the end of one belongs to the sentence, unless it is all of the text. */
export function addressesIn(text: string): { readonly start: number; readonly end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (const { 0: match, index } of text.matchAll(/[A-Za-z0-9+.-]{0,16}:\/\/[^\s<>"]*/g)) {
    const whole = text.trim() === match;
    const kept = whole
      ? match
      : match.slice(0, match.indexOf('://') + 3) +
        match.slice(match.indexOf('://') + 3).replace(/[.,;:!?)\]}'*_~»’”]+$/, '');
    found.push({ start: index, end: index + kept.length });
  }
  return found;
}

/** Replacements in one text of one message. */
export interface ChangedText {
  readonly message: Element;
  readonly of: 'body' | 'subject';
  readonly text: string;
  readonly replaced: readonly Replaced[];
}

const fallback = 'urn:xmpp:fallback:0';
const markup = 'urn:xmpp:markup:0';
const sides: Readonly<Record<string, 'start' | 'end'>> = { start: 'start', begin: 'start', end: 'end' };

/** Moves the positions in one child of a message after its texts have changed.
 *  @param before the child as received
 *  @param after the same as it would leave
 *  @returns undefined when it must go: it is unclear which of several texts it is about */
export function movePositions(
  before: Element,
  after: Element,
  changes: readonly ChangedText[],
): Element | undefined {
  let moved: Element | undefined = after;
  for (const change of changes) {
    const alone =
      elementsIn(change.message).filter((each) => isNamed(each, 'jabber:client', change.of)).length === 1;
    moved = moved && moveIn(before, moved, change, alone);
  }
  return moved;
}

function moveIn(before: Element, after: Element, change: ChangedText, alone: boolean): Element | undefined {
  const adjust = (element: Element): Element => ({
    ...element,
    attributes: element.attributes.flatMap((each) => moveBound(each, change, alone)),
  });
  const isBody = change.of === 'body';
  if (isNamed(before, 'urn:xmpp:reference:0', 'reference'))
    return isBody && attributeOf(before, 'anchor') === undefined ? adjust(after) : after;
  if (isNamed(before, 'urn:xmpp:mentions:0', 'mention')) return isBody ? adjust(after) : after;
  if (isNamed(before, markup, 'markup')) {
    if (!isBody || !hasBounds(before)) return after;
    return alone ? within(after, (each) => (each.namespace === markup ? adjust(each) : each)) : undefined;
  }
  if (!isNamed(before, fallback, 'fallback')) return after;
  const about = elementsIn(before).filter((each) => isNamed(each, fallback, change.of));
  if (!about.some(hasOwnBounds)) return after;
  if (!alone) return undefined;
  return {
    ...after,
    content: after.content.map((each) =>
      isElement(each) && isNamed(each, fallback, change.of) ? adjust(each) : each,
    ),
  };
}

function within(element: Element, change: (element: Element) => Element): Element {
  const changed = change(element);
  return {
    ...changed,
    content: changed.content.map((each) => (isElement(each) ? within(each, change) : each)),
  };
}

function hasOwnBounds({ attributes }: Element): boolean {
  return attributes.some(({ namespace, name }) => namespace === '' && Object.hasOwn(sides, name));
}

function hasBounds(element: Element): boolean {
  return (element.namespace === markup && hasOwnBounds(element)) || elementsIn(element).some(hasBounds);
}

function moveBound(attribute: Attribute, { text, replaced }: ChangedText, alone: boolean): Attribute[] {
  const { namespace, name, value } = attribute;
  const side = namespace === '' && Object.hasOwn(sides, name) ? sides[name] : undefined;
  if (side === undefined) return [attribute];
  if (!alone) return [];
  if (!/^\d{1,9}$/.test(value.trim())) return [attribute];
  const position = Number(value.trim());
  const moved = positionAfter(position, side, text, replaced);
  return moved === position ? [attribute] : [{ ...attribute, value: `${moved}` }];
}

/** Returns a position, in code points, after the replacements. Inside of one, a start becomes its first character and an end
 *  its last. */
function positionAfter(
  position: number,
  side: 'start' | 'end',
  text: string,
  replaced: readonly Replaced[],
): number {
  const points = (part: string): number => [...part].length;
  let shift = 0;
  for (const { start, end, by } of replaced) {
    const [from, to] = [points(text.slice(0, start)), points(text.slice(0, end))];
    if (from >= position) break;
    if (position < to) return from + shift + (side === 'start' ? 0 : Math.max(0, points(by) - 1));
    shift += points(by) - (to - from);
  }
  return position + shift;
}
