/** Nodes of the chat channel as XML, as a third party's client sends and receives them (docs/chat-channel.md, "The
 *  XML form"). Written from the description, so that a test can compare it with the proxy's. */
import { ns } from '../../stanza/namespaces.ts';
import { SimulatorError } from '../error.ts';
import { attribute, elements, is, text, type Attribute, type Element } from '../xml/element.ts';
import { serialise, type Prefixes } from '../xml/write.ts';
import type { ChatNode } from './node.ts';

/** The prefix of marks, which the stream header declares. */
export const chatPrefixes: Prefixes = new Map([[ns.chatMarks, 'n']]);

/** Returns the text of a node inside of a chat stream. */
export function nodeXml(node: ChatNode): string {
  return serialise(elementOf(node), ns.chat, chatPrefixes);
}

/** Returns the element of a node. */
export function elementOf({ tag, attrs, content }: ChatNode): Element {
  const isNamed = !isName(tag);
  const attributes: Attribute[] = isNamed ? [named('tag', tag)] : [];
  const marked: Element[] = [];
  for (const [name, value] of Object.entries(attrs)) {
    const isTaken = isNamed && (name === 'tag' || name === 'tag64');
    if (!isText(value) || !isName(name) || isTaken) marked.push(markedAttribute(name, value));
    else attributes.push(name === 'xmlns' ? mark('xmlns', value) : plain(name, value));
  }
  const [contentMark, children] = contentOf(content);
  if (contentMark !== undefined) attributes.push(mark('content', contentMark));
  return {
    name: isNamed ? 'n:node' : tag,
    namespace: isNamed ? ns.chatMarks : ns.chat,
    local: isNamed ? 'node' : tag,
    attributes,
    children: [...marked, ...children],
  };
}

function contentOf(content: ChatNode['content']): [string | undefined, readonly (Element | string)[]] {
  if (content === undefined) return [undefined, []];
  if (typeof content === 'string')
    return isText(content) ? ['text', [content]] : ['text-base64', [base64(content)]];
  if (content instanceof Uint8Array)
    return content.length === 0 ? ['bytes', []] : [undefined, [base64(content)]];
  return [undefined, content.map(elementOf)];
}

/** Returns the node of an element.
 *  @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` for an element that is none */
export function nodeOf(source: Element): ChatNode {
  const isNamed = is(source, ns.chatMarks, 'node');
  if (!isNamed && source.namespace !== ns.chat) throw unexpected('an element is no node');
  const tag = isNamed ? nameOf(source, 'tag') : source.local;
  const attrs: Record<string, string> = {};
  for (const { namespace, local, value } of source.attributes) {
    const isTag = isNamed && (local === 'tag' || local === 'tag64');
    if ((namespace === '' && !isTag) || (namespace === ns.chatMarks && local === 'xmlns'))
      attrs[local] = value;
  }
  const nodes: Element[] = [];
  for (const one of elements(source)) {
    if (nodes.length === 0 && is(one, ns.chatMarks, 'a'))
      attrs[nameOf(one, 'name')] = decoded(attribute(one, 'b64') ?? '');
    else nodes.push(one);
  }
  const content = nodes.length > 0 ? nodes.map(nodeOf) : leafContent(source);
  return content === undefined ? { tag, attrs } : { tag, attrs, content };
}

function leafContent(source: Element): Uint8Array | string | undefined {
  const own = text(source);
  const form = source.attributes.find(
    ({ namespace, local }) => namespace === ns.chatMarks && local === 'content',
  );
  if (form?.value === 'text') return own;
  if (form?.value === 'text-base64') return decoded(own);
  if (form?.value === 'bytes') return Buffer.alloc(0);
  return own === '' ? undefined : bytesOf(own);
}

function nameOf(source: Element, kind: 'tag' | 'name'): string {
  const name = attribute(source, kind) ?? decoded(attribute(source, `${kind}64`) ?? '');
  if (name === '') throw unexpected('a mark has no name');
  return name;
}

function named(kind: 'tag' | 'name', name: string): Attribute {
  return isText(name) ? plain(kind, name) : plain(`${kind}64`, base64(name));
}

function markedAttribute(name: string, value: string): Element {
  const attributes = [named('name', name), plain('b64', base64(value))];
  return { name: 'n:a', namespace: ns.chatMarks, local: 'a', attributes, children: [] };
}

function plain(name: string, value: string): Attribute {
  return { name, namespace: '', local: name, value };
}

function mark(name: string, value: string): Attribute {
  return { name: `n:${name}`, namespace: ns.chatMarks, local: name, value };
}

function base64(content: string | Uint8Array): string {
  return Buffer.from(content as Uint8Array).toString('base64');
}

/** @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` */
function bytesOf(content: string): Buffer {
  const bytes = Buffer.from(content, 'base64');
  if (bytes.toString('base64') !== content) throw unexpected('content is no base64');
  return bytes;
}

function decoded(content: string): string {
  return bytesOf(content).toString();
}

function isName(name: string): boolean {
  return /^[A-Za-z_][\w.-]*$/.test(name);
}

/** Returns whether XML 1.0 has every character (§2.2). */
function isText(value: string): boolean {
  return !/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(value);
}

function unexpected(message: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_EXPECTATION', message);
}
