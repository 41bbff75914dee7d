import { ns } from '../../stanza/namespaces.ts';
import type { Attribute, Element } from './element.ts';

/** Writes an element for a stream whose default namespace is `jabber:client` and whose `stream` prefix is declared
 *  (RFC 6120 §4.8). Written from expanded names: a prefix that the sender declared on its own stream header means
 *  nothing on the receiver's. Lossless: what a parser reads back is the same tree. */
export function serialise(source: Element, inherited: string = ns.client): string {
  if (source.namespace === ns.streams) return tag(source, `stream:${source.local}`, '', inherited);
  const declaration = source.namespace === inherited ? '' : ` xmlns='${escapeAttribute(source.namespace)}'`;
  return tag(source, source.local, declaration, source.namespace);
}

function tag(source: Element, name: string, declaration: string, inherited: string): string {
  const start = `<${name}${declaration}${attributes(source.attributes)}`;
  const content = source.children
    .map((one) => (typeof one === 'string' ? escapeText(one) : serialise(one, inherited)))
    .join('');
  return content === '' ? `${start}/>` : `${start}>${content}</${name}>`;
}

function attributes(list: readonly Attribute[]): string {
  let written = '';
  let prefixes = 0;
  for (const one of list) {
    if (one.namespace === ns.xmlns) continue;
    const value = escapeAttribute(one.value);
    if (one.namespace === '') written += ` ${one.local}='${value}'`;
    else if (one.namespace === ns.xml) written += ` xml:${one.local}='${value}'`;
    else {
      const prefix = `ns${prefixes++}`;
      written += ` xmlns:${prefix}='${escapeAttribute(one.namespace)}' ${prefix}:${one.local}='${value}'`;
    }
  }
  return written;
}

/** Character data. A carriage return would be read back as a line feed (XML 1.0 §2.11), so it becomes a reference. */
export function escapeText(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** An attribute value in single quotes; white space that normalisation would change becomes references (§3.3.3). */
export function escapeAttribute(value: string): string {
  return escapeText(value).replaceAll("'", '&apos;').replaceAll('\t', '&#9;').replaceAll('\n', '&#10;');
}
