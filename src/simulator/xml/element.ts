/** XML elements as immutable data with resolved namespaces. Details of the source (prefixes, order of attributes,
 *  namespace declarations) are kept for transcripts. */
import { ns } from '../../stanza/namespaces.ts';

export interface Attribute {
  /** Qualified name as written. */
  readonly name: string;
  /** '' without a prefix. */
  readonly namespace: string;
  readonly local: string;
  /** References and white space resolved (XML 1.0 §3.3.3). */
  readonly value: string;
}

export interface Element {
  /** Qualified name as written. */
  readonly name: string;
  /** '' for none. */
  readonly namespace: string;
  readonly local: string;
  /** In the order written, namespace declarations included. */
  readonly attributes: readonly Attribute[];
  readonly children: readonly (Element | string)[];
}

/** Attributes for `element`. `xml:lang` is the only prefixed name; undefined values are left out. */
export type AttributeInput = Readonly<Record<string, string | undefined>>;

/** Makes an element. Names are not checked: they come from the program, never from the wire. */
export function element(
  namespace: string,
  local: string,
  attributes: AttributeInput = {},
  ...children: readonly (Element | string)[]
): Element {
  return { name: local, namespace, local, attributes: attributeList(attributes), children };
}

function attributeList(input: AttributeInput): Attribute[] {
  const list: Attribute[] = [];
  for (const [name, value] of Object.entries(input)) {
    if (value !== undefined) list.push(builtAttribute(name, value));
  }
  return list;
}

function builtAttribute(name: string, value: string): Attribute {
  return name === 'xml:lang'
    ? { name, namespace: ns.xml, local: 'lang', value }
    : { name, namespace: '', local: name, value };
}

/** Returns the element with these attributes set in place, appended, or (undefined) removed. */
export function withAttributes(source: Element, changes: AttributeInput): Element {
  const attributes: Attribute[] = [];
  const open = new Set(Object.keys(changes));
  for (const one of source.attributes) {
    const name = one.namespace === ns.xml ? `xml:${one.local}` : one.local;
    const changed = (one.namespace === '' || one.namespace === ns.xml) && open.delete(name);
    if (!changed) attributes.push(one);
    else if (changes[name] !== undefined) attributes.push(builtAttribute(name, changes[name]));
  }
  for (const name of open) {
    if (changes[name] !== undefined) attributes.push(builtAttribute(name, changes[name]));
  }
  return { ...source, attributes };
}

/** Returns the value of an attribute without a namespace; undefined without one. */
export function attribute(source: Element, local: string): string | undefined {
  return source.attributes.find((one) => one.local === local && one.namespace === '')?.value;
}

/** Returns the element's own xml:lang; undefined without one. */
export function language(source: Element): string | undefined {
  return source.attributes.find((one) => one.local === 'lang' && one.namespace === ns.xml)?.value;
}

/** Returns whether the element has this namespace and local name. */
export function is(source: Element, namespace: string, local: string): boolean {
  return source.local === local && source.namespace === namespace;
}

/** Returns child elements in document order. */
export function elements(source: Element): Element[] {
  return source.children.filter((one) => typeof one !== 'string');
}

/** Returns the first child with this namespace and local name; undefined without one. */
export function child(source: Element, namespace: string, local: string): Element | undefined {
  return elements(source).find((one) => is(one, namespace, local));
}

/** Returns the character data directly inside the element. */
export function text(source: Element): string {
  return source.children.filter((one) => typeof one === 'string').join('');
}
