import { ns } from '../../stanza/namespaces.ts';
import type { Attribute, Element } from './element.ts';

/** Writes an element for a stream whose default namespace is `jabber:client` and whose `stream` prefix is declared
 *  (RFC 6120 §4.8). Prefixes are written anew: the sender's may be declared on its stream header only. A parser
 *  reads back the same tree. */
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

/** Escapes character data. A carriage return becomes a reference, since a parser would read it as a line feed (XML
 *  1.0 §2.11). */
export function escapeText(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** Escapes an attribute value in single quotes. White space that normalisation would change becomes references
 *  (§3.3.3). */
export function escapeAttribute(value: string): string {
  return escapeText(value).replaceAll("'", '&apos;').replaceAll('\t', '&#9;').replaceAll('\n', '&#10;');
}
