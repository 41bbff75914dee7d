/** A stanza as a tree, and its one way of writing, in which equal trees have equal texts. */
import { SaxesParser } from 'saxes';

export interface Attribute {
  /** '' without a prefix. */
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
}

/** Character data between two other pieces of an element's content. */
export interface Text {
  readonly text: string;
  /** Whether it is written without CDATA and references. White space that is plain has no content. */
  readonly plain: boolean;
}

export interface Element {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** Namespaces that the tag declares, without that of its own name where it has no prefix. */
  readonly declares: readonly string[];
  readonly content: readonly (Element | Text)[];
}

export const clientNamespace = 'jabber:client';
export const xmlNamespace = 'http://www.w3.org/XML/1998/namespace';
export const streamsNamespace = 'http://etherx.jabber.org/streams';
const declarations = 'http://www.w3.org/2000/xmlns/';

export function isElement(node: Element | Text): node is Element {
  return 'name' in node;
}

/** Returns the value of an attribute, by default one without a prefix; undefined without the attribute. */
export function attributeOf({ attributes }: Element, name: string, namespace = ''): string | undefined {
  for (const each of attributes) if (each.name === name && each.namespace === namespace) return each.value;
  return undefined;
}

export function elementsIn({ content }: Element): readonly Element[] {
  return content.filter(isElement);
}

/** Returns the text that stands directly in an element, child elements left out. */
export function textOf({ content }: Element): string {
  let text = '';
  for (const node of content) if (!isElement(node)) text += node.text;
  return text;
}

/** Joins plain text with plain text next to it, as it would be read. */
export function joined(content: readonly (Element | Text)[]): (Element | Text)[] {
  const result: (Element | Text)[] = [];
  for (const node of content) {
    const last = result.at(-1);
    const joins = !isElement(node) && last !== undefined && !isElement(last) && last.plain && node.plain;
    if (joins) result[result.length - 1] = { text: last.text + node.text, plain: true };
    else result.push(node);
  }
  return result;
}

export function isNamed(
  { namespace, name }: Element,
  ofNamespace: string,
  ...names: readonly string[]
): boolean {
  return namespace === ofNamespace && names.includes(name);
}

/** Returns whether an element is a message, presence or iq (RFC 6120 §8). */
export function isStanza(element: Element): boolean {
  return isNamed(element, clientNamespace, 'message', 'presence', 'iq');
}

/** Reads the element in a text that stands in a stream of `jabber:client`.
 *  @throws Error in the parser's words */
export function readTree(text: string): Element {
  const parser = new SaxesParser({
    xmlns: true,
    fragment: true,
    additionalNamespaces: { '': clientNamespace, stream: streamsNamespace, n: 'urn:narthex:chat:marks:0' },
  });
  const open: { element: Element; content: (Element | Text)[] }[] = [];
  let root: Element | undefined;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local, prefix, attributes }) => {
    const all = Object.values(attributes);
    const content: (Element | Text)[] = [];
    const element: Element = {
      namespace: uri,
      name: local,
      attributes: all
        .filter((each) => each.uri !== declarations)
        .map((each) => ({ namespace: each.uri, name: each.local, value: each.value })),
      declares: all
        .filter((each) => each.uri === declarations && (each.name !== 'xmlns' || prefix !== ''))
        .map((each) => each.value),
      content,
    };
    open.at(-1)?.content.push(element);
    root ??= element;
    open.push({ element, content });
  });
  parser.on('closetag', () => void open.pop());
  parser.on(
    'text',
    (value) => void (value !== '' && open.at(-1)?.content.push({ text: value, plain: true })),
  );
  parser.on('cdata', (value) => void open.at(-1)?.content.push({ text: value, plain: false }));
  parser.write(text).close();
  if (root === undefined) throw new SyntaxError('no element');
  return root;
}

/** Writes a tree in normal form: attributes ordered, single quotes, a default namespace where it changes, and prefixes only
 *  for attributes. */
export function writeTree(element: Element, inherited: string = clientNamespace): string {
  const fixed = prefixOf(element.namespace);
  const name = `${fixed}${element.name}`;
  const changes = fixed === '' && element.namespace !== inherited;
  const declared = changes ? ` xmlns='${quoted(element.namespace)}'` : '';
  const within = fixed === '' ? element.namespace : inherited;
  let content = '';
  for (const node of element.content)
    content += isElement(node) ? writeTree(node, within) : escaped(node.text);
  const tag = `${name}${declared}${writeAttributes(element.attributes)}`;
  return content === '' ? `<${tag}/>` : `<${tag}>${content}</${name}>`;
}

function prefixOf(namespace: string): string {
  if (namespace === streamsNamespace) return 'stream:';
  return namespace === xmlNamespace ? 'xml:' : '';
}

function writeAttributes(attributes: readonly Attribute[]): string {
  if (attributes.length === 0) return '';
  const inOrder = attributes.toSorted((a, b) => byText(a.namespace, b.namespace) || byText(a.name, b.name));
  const prefixes = new Map<string, string>([
    ['', ''],
    [xmlNamespace, 'xml:'],
  ]);
  let declared = '';
  for (const { namespace } of inOrder) {
    if (prefixes.has(namespace)) continue;
    const prefix = `ns${prefixes.size - 1}`;
    prefixes.set(namespace, `${prefix}:`);
    declared += ` xmlns:${prefix}='${quoted(namespace)}'`;
  }
  let written = declared;
  for (const { namespace, name, value } of inOrder)
    written += ` ${prefixes.get(namespace)}${name}='${quoted(value)}'`;
  return written;
}

function byText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;',
}; // prettier-ignore

export function escaped(text: string): string {
  return text.replace(/[&<>\r]/g, (each) => references[each]!);
}

export function quoted(value: string): string {
  return value.replace(/[&<'\t\n\r]/g, (each) => references[each]!);
}
