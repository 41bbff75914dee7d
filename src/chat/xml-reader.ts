/** Reads the XML form (xml-form.ts) from a stanza's tape, strictly: anything outside of the form is refused. So is a mark
 *  where the plain form would do: a policy looks for `receipt`, and not for `<n:node tag='receipt'/>`. */
import { isUtf8 } from 'node:buffer';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { ContentBytes } from './content-bytes.ts';
import { ChatError } from './error.ts';
import { isXmlName, isXmlText } from './xml-form.ts';

export interface NodeAttribute {
  readonly name: string;
  readonly value: string;
}

/** Content of a node: none, child nodes by their tape indexes, bytes, or text that the wire marks as text. */
export type NodeContent =
  | { readonly kind: 'none' }
  | { readonly kind: 'nodes'; readonly indices: readonly number[] }
  /** The bytes are valid until the next node is read. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'text'; readonly text: string };

/** One node without the content of its children. */
export interface NodeParts {
  readonly tag: string;
  /** Attributes in the order of the document. */
  readonly attributes: NodeAttribute[];
  readonly content: NodeContent;
}

/** The parts of an element's start tag. */
interface StartTag {
  readonly attributes: NodeAttribute[];
  /** The tag of an `n:node`. */
  tag?: string;
  content?: 'bytes' | 'text' | 'text-base64';
}

export class XmlReader {
  readonly #chat: number;
  readonly #mark: number;
  readonly #bytes = new ContentBytes();

  /** @param names vocabulary of the stanzas, which must have both namespaces of the XML form
   *  @throws Error when they lack one */
  constructor(names: Names) {
    this.#chat = names.namespace(ns.chat);
    this.#mark = names.namespace(ns.chatMarks);
    if (this.#chat === 0 || this.#mark === 0)
      throw new Error('the vocabulary lacks a namespace of the XML form');
  }

  /** Returns the node of the element at a tape index. @throws ChatError with an XmlErrorCode */
  read(stanza: Stanza, index: number): NodeParts {
    const named = this.#isMark(stanza, index, 'node');
    const namespace = stanza.namespaceOf(index);
    if (!named && namespace !== this.#chat)
      throw new ChatError(namespace === this.#mark ? 'ERR_CHAT_MARK' : 'ERR_CHAT_NAMESPACE');
    const start = this.#startTag(stanza, index, named);
    const tag = named ? start.tag : stanza.localName(index);
    if (tag === undefined || tag === '' || isXmlName(tag) === named) throw new ChatError('ERR_CHAT_MARK');
    const indices = this.#children(stanza, index, start.attributes, named);
    const content = this.#content(start.content, stanza.text(index), indices);
    return { tag, attributes: start.attributes, content };
  }

  /** Reads marks, the tag of an `n:node`, and the node's own attributes.
   *  @throws ChatError ERR_CHAT_NAMESPACE, ERR_CHAT_MARK */
  #startTag(stanza: Stanza, index: number, named: boolean): StartTag {
    const start: StartTag = { attributes: [] };
    for (const at of attributeRecords(stanza, index)) {
      const namespace = stanza.attributeNamespaceOf(at);
      const name = stanza.localName(at);
      const value = stanza.value(at);
      if (namespace === this.#mark) readMark(start, name, value);
      else if (namespace !== 0) throw new ChatError('ERR_CHAT_NAMESPACE');
      else if (named && (name === 'tag' || name === 'tag64')) {
        if (start.tag !== undefined) throw new ChatError('ERR_CHAT_MARK');
        start.tag = name === 'tag64' ? decodeUnlikeXml(this.#bytes, value) : value;
      } else start.attributes.push({ name, value });
    }
    return start;
  }

  /** Returns the child nodes. Attributes in leading children are added to `attributes`.
   *  @param named whether the element is an `n:node`, whose own attributes have names of their own */
  #children(stanza: Stanza, index: number, attributes: NodeAttribute[], named: boolean): number[] {
    const nodes: number[] = [];
    for (let child = stanza.firstChild(index); child !== -1; child = stanza.nextSibling(child)) {
      if (nodes.length === 0 && this.#isMark(stanza, child, 'a'))
        attributes.push(markedAttribute(stanza, child, named, this.#bytes));
      else nodes.push(child);
    }
    return nodes;
  }

  #content(mark: StartTag['content'], text: string, indices: readonly number[]): NodeContent {
    if (indices.length > 0) {
      if (text !== '') throw new ChatError('ERR_CHAT_MIXED_CONTENT');
      if (mark !== undefined) throw new ChatError('ERR_CHAT_MARK');
      return { kind: 'nodes', indices };
    }
    if (mark === 'text') return { kind: 'text', text };
    if (mark === 'text-base64') return { kind: 'text', text: decodeUnlikeXml(this.#bytes, text) };
    // This mark means no bytes; without it there would be no content.
    if (mark === 'bytes' && text !== '') throw new ChatError('ERR_CHAT_MARK');
    if (mark === undefined && text === '') return { kind: 'none' };
    return { kind: 'bytes', bytes: this.#bytes.decode(text) };
  }

  #isMark(stanza: Stanza, index: number, name: string): boolean {
    return stanza.namespaceOf(index) === this.#mark && stanza.localName(index) === name;
  }
}

function readMark(start: StartTag, name: string, value: string): void {
  if (name === 'xmlns') start.attributes.push({ name, value });
  else if (name === 'content' && (value === 'bytes' || value === 'text' || value === 'text-base64'))
    start.content = value;
  else throw new ChatError('ERR_CHAT_MARK');
}

function markedAttribute(stanza: Stanza, index: number, named: boolean, bytes: ContentBytes): NodeAttribute {
  let name: string | undefined;
  let value: string | undefined;
  for (const at of attributeRecords(stanza, index)) {
    const key = stanza.attributeNamespaceOf(at) === 0 ? stanza.localName(at) : '';
    if ((key === 'name' || key === 'name64') && name === undefined)
      name = key === 'name64' ? decodeUnlikeXml(bytes, stanza.value(at)) : stanza.value(at);
    else if (key === 'b64') value = decodeUtf8(bytes, stanza.value(at));
    else throw new ChatError('ERR_CHAT_MARK');
  }
  const isLeaf = stanza.firstChild(index) === -1 && stanza.text(index) === '';
  if (name === undefined || name === '' || value === undefined || !isLeaf)
    throw new ChatError('ERR_CHAT_MARK');
  const isTaken = named && /^tag(?:64)?$/.test(name);
  if (isXmlName(name) && isXmlText(value) && !isTaken) throw new ChatError('ERR_CHAT_MARK');
  return { name, value };
}

/** Yields the tape indexes of an element's attributes without namespace declarations: names are resolved already. */
function* attributeRecords(stanza: Stanza, index: number): Generator<number> {
  for (const at of stanza.attributes(index)) if (!stanza.isDeclaration(at)) yield at;
}

/** Decodes base64 of a text that XML cannot represent.
 *  @throws ChatError ERR_CHAT_BASE64; ERR_CHAT_MARK where it can */
function decodeUnlikeXml(bytes: ContentBytes, base64: string): string {
  const text = decodeUtf8(bytes, base64);
  if (isXmlText(text)) throw new ChatError('ERR_CHAT_MARK');
  return text;
}

/** Decodes base64 of UTF-8.
 *  @throws ChatError ERR_CHAT_BASE64 */
function decodeUtf8(bytes: ContentBytes, base64: string): string {
  const decoded = bytes.decode(base64);
  if (!isUtf8(decoded)) throw new ChatError('ERR_CHAT_BASE64');
  return decoded.toString();
}
