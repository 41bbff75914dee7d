/** Converts nodes between the XML form and JSON, for people and tools:
 *  `{"tag":…,"attrs":{…},"content":null|[…]|"base64"|{"text":…}}`. */
import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { ChatError } from './error.ts';
import type { ChatLimits } from './limits.ts';
import { isXmlName, isXmlText, nameMark } from './xml-form.ts';
import type { XmlReader } from './xml-reader.ts';

/** A node. Its content is nothing, child nodes, bytes in base64, or text that the wire marks as text. */
export interface JsonNode {
  readonly tag: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly content: null | readonly JsonNode[] | string | { readonly text: string };
}

/** Returns the node of a stanza in the XML form. @throws ChatError with an XmlErrorCode, ERR_CHAT_DUPLICATE_ATTRIBUTE */
export function toJsonNode(reader: XmlReader, stanza: Stanza, index = 0): JsonNode {
  const { tag, attributes, content } = reader.read(stanza, index);
  const attrs = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  if (Object.keys(attrs).length < attributes.length) throw new ChatError('ERR_CHAT_DUPLICATE_ATTRIBUTE');
  if (content.kind === 'none') return { tag, attrs, content: null };
  if (content.kind === 'bytes') return { tag, attrs, content: content.bytes.toString('base64') };
  if (content.kind === 'text') return { tag, attrs, content: { text: content.text } };
  return { tag, attrs, content: content.indices.map((child) => toJsonNode(reader, stanza, child)) };
}

/** Returns the XML form of a node.
 *  @param node any value that JSON can hold
 *  @throws ChatError ERR_CHAT_JSON when it is no node, ERR_CHAT_DEPTH */
export function toXml(node: unknown, limits: ChatLimits, depth = 1): string {
  if (depth > limits.depthMax) throw new ChatError('ERR_CHAT_DEPTH');
  const { tag, attrs, content } = checkedNode(node);
  const element = isXmlName(tag) ? tag : 'n:node';
  let start = element === tag ? tag : `n:node${nameMark('tag', tag)}`;
  let marks = '';
  for (const [name, value] of Object.entries(attrs)) {
    const plain = isXmlName(name) && isXmlText(value) && !(element === 'n:node' && /^tag(64)?$/.test(name));
    if (plain) start += ` ${name === 'xmlns' ? 'n:xmlns' : name}='${escapeAttribute(value)}'`;
    else marks += `<n:a${nameMark('name', name)} b64='${base64(value)}'/>`;
  }
  const [mark, inner] = contentXml(content, limits, depth);
  const body = marks + inner;
  return body === '' ? `<${start}${mark}/>` : `<${start}${mark}>${body}</${element}>`;
}

/** Returns the attribute that marks the content, or '', and the content. */
function contentXml(content: JsonNode['content'], limits: ChatLimits, depth: number): [string, string] {
  if (content === null) return ['', ''];
  if (typeof content === 'string')
    return content === '' ? [` n:content='bytes'`, ''] : ['', escapeText(content)];
  if ('text' in content) {
    return isXmlText(content.text)
      ? [` n:content='text'`, escapeText(content.text)]
      : [` n:content='text-base64'`, base64(content.text)];
  }
  return ['', content.map((child) => toXml(child, limits, depth + 1)).join('')];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Checks the shape of a node.
 *  @throws ChatError ERR_CHAT_JSON */
function checkedNode(value: unknown): JsonNode {
  if (
    isRecord(value) &&
    Object.keys(value).every((key) => key === 'tag' || key === 'attrs' || key === 'content')
  ) {
    const { tag, attrs, content = null } = value;
    if (isWellFormed(tag) && tag !== '' && isRecord(attrs) && isContent(content)) {
      const fine = Object.entries(attrs).every(
        ([name, text]) => name !== '' && isWellFormed(name) && isWellFormed(text),
      );
      if (fine) return { tag, attrs: attrs as Record<string, string>, content };
    }
  }
  throw new ChatError('ERR_CHAT_JSON');
}

function isContent(value: unknown): value is JsonNode['content'] {
  if (value === null || Array.isArray(value)) return true;
  if (typeof value === 'string') return /^[A-Za-z0-9+/]*={0,2}$/.test(value);
  return isRecord(value) && Object.keys(value).length === 1 && isWellFormed(value['text']);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns whether a value is a text that UTF-8 can encode. */
function isWellFormed(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}
