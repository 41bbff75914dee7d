/** Reads one direction of an XML stream with saxes, a strict parser that shares no code with the product's scanner,
 *  so that a test can compare the two. RFC 6120 §11: no comments, processing instructions or DTD; UTF-8 only. */
import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes';
import { ns } from '../../stanza/namespaces.ts';
import type { Attribute, Element } from './element.ts';

/** Bounds of one stream direction. */
export interface ReaderLimits {
  /** Bytes of one stanza, nonza or stream header. */
  readonly stanzaBytesMax: number;
  /** Nesting of elements, the stanza itself being 1. */
  readonly depthMax: number;
  /** Elements in one stanza. */
  readonly elementsMax: number;
  /** Attributes of one tag. */
  readonly attributesMax: number;
}

export const defaultReaderLimits: ReaderLimits = {
  stanzaBytesMax: 262_144,
  depthMax: 128,
  elementsMax: 10_000,
  attributesMax: 128,
};

/** Stream error conditions that bytes alone can cause (RFC 6120 §4.9.3). */
export type RefusedBecause =
  'bad-format' | 'not-well-formed' | 'policy-violation' | 'restricted-xml' | 'unsupported-encoding';

/** One top-level event of a stream. `xml` is its text as received. */
export type StreamEvent =
  | { readonly kind: 'incomplete' }
  | {
      readonly kind: 'header';
      readonly header: Element;
      /** Prefix to namespace name, '' being the default. */
      readonly namespaces: Readonly<Record<string, string>>;
      readonly xml: string;
    }
  | { readonly kind: 'element'; readonly element: Element; readonly xml: string }
  | { readonly kind: 'end'; readonly xml: string }
  | { readonly kind: 'refused'; readonly condition: RefusedBecause };

const greaterThan = 0x3e;
const lessThan = 0x3c;

/** Thrown inside parser callbacks, caught in `read`. */
class Refusal extends Error {
  readonly condition: RefusedBecause;
  constructor(condition: RefusedBecause) {
    super(condition);
    this.condition = condition;
  }
}

interface OpenElement extends Element {
  readonly children: (Element | string)[];
}

/** Reads one stream; a restart (RFC 6120 §4.3.3) needs a new reader. */
export class StreamReader {
  readonly #limits: ReaderLimits;
  readonly #parser = new SaxesParser({ xmlns: true, position: false });
  // ignoreBOM keeps the mark in the text, where it is refused: a stream starts with `<` (RFC 6120 §11.6).
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #events: StreamEvent[] = [];
  /** Open elements from the stream header (index 0) to the innermost. */
  readonly #open: OpenElement[] = [];
  #source: string[] = [];
  #pendingBytes = 0;
  #elements = 0;
  #refused: StreamEvent | undefined;
  readonly #isRestart: boolean;

  /** @param isRestart whether white space before the first `<` belongs to the earlier stream: some clients end each
   *  element with a line feed, `<auth/>` included. A first stream starts with its declaration or header */
  constructor(limits: ReaderLimits = defaultReaderLimits, { isRestart = false } = {}) {
    this.#limits = limits;
    this.#isRestart = isRestart;
    this.#parser.on('error', (error) => {
      throw new Refusal(error.message.includes('doctype') ? 'restricted-xml' : 'not-well-formed');
    });
    this.#parser.on('comment', () => refuse('restricted-xml'));
    this.#parser.on('processinginstruction', () => refuse('restricted-xml'));
    this.#parser.on('doctype', () => refuse('restricted-xml'));
    this.#parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') refuse('not-well-formed');
      if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') refuse('unsupported-encoding');
    });
    this.#parser.on('opentag', (tag) => this.#onOpen(tag));
    this.#parser.on('closetag', () => this.#onClose());
    this.#parser.on('text', (text) => this.#onText(text));
    this.#parser.on('cdata', (text) => this.#onText(text));
  }

  /** Reads until one event is complete. `consumed` counts the bytes used; later bytes are not read, so that a
   *  restart can pass them to another reader. Call it with the rest until the event is `incomplete`. */
  read(bytes: Uint8Array): { readonly event: StreamEvent; readonly consumed: number } {
    const waiting = this.#refused ?? this.#events.shift();
    if (waiting !== undefined) return { event: waiting, consumed: 0 };
    let at = 0;
    while (at < bytes.length) {
      if (this.#maySkipWhitespace()) at = skipWhitespace(bytes, at);
      if (at === bytes.length) break;
      // An event can only be complete after a `>`, so the parser gets no byte past one.
      const found = bytes.indexOf(greaterThan, at);
      const end = found === -1 ? bytes.length : found + 1;
      const condition = this.#feed(bytes.subarray(at, end));
      at = end;
      if (condition !== undefined) {
        this.#refused = { kind: 'refused', condition };
        return { event: this.#refused, consumed: at };
      }
      const event = this.#events.shift();
      if (event !== undefined) return { event, consumed: at };
    }
    return { event: { kind: 'incomplete' }, consumed: at };
  }

  #maySkipWhitespace(): boolean {
    return this.#isBetweenStanzas() || (this.#isRestart && this.#source.length === 0);
  }

  #isBetweenStanzas(): boolean {
    return this.#open.length === 1 && this.#pendingBytes === 0;
  }

  #feed(piece: Uint8Array): RefusedBecause | undefined {
    if (this.#isBetweenStanzas() && piece[0] !== lessThan) return 'bad-format';
    if (this.#source.length === 0 && this.#open.length === 0 && startsUtf16(piece))
      return 'unsupported-encoding';
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes > this.#limits.stanzaBytesMax) return 'policy-violation';
    const text = decode(this.#decoder, piece);
    if (text === undefined) return 'not-well-formed';
    // saxes would skip a byte order mark at the start of a document.
    if (this.#source.length === 0 && text.startsWith('\uFEFF')) return 'not-well-formed';
    if (text !== '') this.#source.push(text);
    try {
      this.#parser.write(text);
    } catch (error) {
      if (error instanceof Refusal) return error.condition;
      throw error;
    }
    return this.#isLostInReference() ? 'not-well-formed' : undefined;
  }

  /** Returns whether saxes is inside a reference. It reads one up to its `;` whatever is between, so that a bare `&`
   *  would swallow the tags after it. Its part of a reference is in a private field. */
  #isLostInReference(): boolean {
    const { entity } = this.#parser as unknown as { readonly entity: string };
    return /[<>]/.test(entity);
  }

  #onOpen(tag: SaxesTagNS): void {
    const attributes = Object.values(tag.attributes).map(toAttribute);
    if (attributes.length > this.#limits.attributesMax) refuse('policy-violation');
    const opened: OpenElement = {
      name: tag.name,
      namespace: tag.uri,
      local: tag.local,
      attributes,
      children: [],
    };
    this.#elements += 1;
    if (this.#elements > this.#limits.elementsMax) refuse('policy-violation');
    if (this.#open.length > this.#limits.depthMax) refuse('policy-violation');
    // Only the stream itself may have elements of its namespace.
    if (this.#open.length === 1 && opened.namespace === ns.streams && opened.local === 'stream')
      refuse('bad-format');
    if (this.#open.length > 1) this.#open.at(-1)!.children.push(opened);
    this.#open.push(opened);
    if (this.#open.length === 1)
      this.#events.push({
        kind: 'header',
        header: opened,
        namespaces: { ...tag.ns },
        xml: this.#takeSource(),
      });
  }

  #onClose(): void {
    const closed = this.#open.pop()!;
    if (this.#open.length === 0) this.#events.push({ kind: 'end', xml: this.#takeSource() });
    else if (this.#open.length === 1)
      this.#events.push({ kind: 'element', element: closed, xml: this.#takeSource() });
  }

  #onText(text: string): void {
    if (this.#open.length > 1) this.#open.at(-1)!.children.push(text);
    else if (this.#open.length === 1 && text !== '') refuse('bad-format');
  }

  #takeSource(): string {
    const xml = this.#source.join('');
    this.#source = [];
    this.#pendingBytes = 0;
    this.#elements = 0;
    return xml;
  }
}

function refuse(condition: RefusedBecause): never {
  throw new Refusal(condition);
}

function toAttribute({ name, uri, local, value }: SaxesAttributeNS): Attribute {
  // saxes gives `xmlns` itself no local name; the declaration is in the xmlns namespace either way.
  return name === 'xmlns'
    ? { name, namespace: ns.xmlns, local: 'xmlns', value }
    : { name, namespace: uri, local, value };
}

function decode(decoder: InstanceType<typeof TextDecoder>, piece: Uint8Array): string | undefined {
  try {
    return decoder.decode(piece, { stream: true });
  } catch {
    return undefined;
  }
}

/** Returns whether bytes start with the first byte of a UTF-16 byte order mark, which UTF-8 never has. */
function startsUtf16(piece: Uint8Array): boolean {
  return piece[0] === 0xff || piece[0] === 0xfe;
}

/** Returns the offset of the first byte after `from` that is not white space. */
export function skipWhitespace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isWhitespace(bytes[at]!)) at += 1;
  return at;
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Parses one element as inside of a client's stream, whose header may declare the marks of the chat channel; undefined
 *  when it cannot be there.
 *  @param namespace that of the stream's content */
export function parseElement(xml: string, namespace: string = ns.client): Element | undefined {
  const reader = new StreamReader({ ...defaultReaderLimits, stanzaBytesMax: Number.MAX_SAFE_INTEGER });
  const declared = `xmlns='${namespace}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}'`;
  reader.read(Buffer.from(`<stream:stream ${declared}>`));
  const { event } = reader.read(Buffer.from(xml));
  return event.kind === 'element' ? event.element : undefined;
}
