/** XML elements as immutable data, with their namespaces resolved. Source details (prefixes, the order of attributes,
 *  namespace declarations) are kept, so that a transcript can show what was on the wire. */
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

/** Attributes to build with: `xml:lang` is the only prefixed name that has a meaning here; undefined is left out. */
export type AttributeInput = Readonly<Record<string, string | undefined>>;

/** Builds an element. Names are taken as given: they come from this code, never from the wire. */
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

/** The same element with these attributes set in place, appended, or (undefined) removed. */
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

/** Value of the attribute without a namespace, or undefined. */
export function attribute(source: Element, local: string): string | undefined {
  return source.attributes.find((one) => one.local === local && one.namespace === '')?.value;
}

/** The element's own xml:lang, or undefined. */
export function language(source: Element): string | undefined {
  return source.attributes.find((one) => one.local === 'lang' && one.namespace === ns.xml)?.value;
}

/** Whether the element has this expanded name. */
export function is(source: Element, namespace: string, local: string): boolean {
  return source.local === local && source.namespace === namespace;
}

/** Child elements in document order. */
export function elements(source: Element): Element[] {
  return source.children.filter((one) => typeof one !== 'string');
}

/** The first child with this expanded name, or undefined. */
export function child(source: Element, namespace: string, local: string): Element | undefined {
  return elements(source).find((one) => is(one, namespace, local));
}

/** Character data directly inside the element. */
export function text(source: Element): string {
  return source.children.filter((one) => typeof one === 'string').join('');
}
