import { ns } from '../../stanza/namespaces.ts';
import type { Attribute, Element } from './element.ts';

/** Prefixes that a stream header declares, by namespace. */
export type Prefixes = ReadonlyMap<string, string>;

export const noPrefixes: Prefixes = new Map();

/** Writes an element for a stream whose default namespace is `inherited` and whose header declares `stream` and these
 *  prefixes (RFC 6120 §4.8). Other prefixes are written anew: the sender's may be declared on its stream header only.
 *  A parser reads back the same tree. */
export function serialise(
  source: Element,
  inherited: string = ns.client,
  prefixes: Prefixes = noPrefixes,
): string {
  const prefix = source.namespace === ns.streams ? 'stream' : prefixes.get(source.namespace);
  if (prefix !== undefined) return tag(source, `${prefix}:${source.local}`, '', inherited, prefixes);
  const declaration = source.namespace === inherited ? '' : ` xmlns='${escapeAttribute(source.namespace)}'`;
  return tag(source, source.local, declaration, source.namespace, prefixes);
}

function tag(
  source: Element,
  name: string,
  declaration: string,
  inherited: string,
  prefixes: Prefixes,
): string {
  const start = `<${name}${declaration}${attributes(source.attributes, prefixes)}`;
  const content = source.children
    .map((one) => (typeof one === 'string' ? escapeText(one) : serialise(one, inherited, prefixes)))
    .join('');
  return content === '' ? `${start}/>` : `${start}>${content}</${name}>`;
}

function attributes(list: readonly Attribute[], declared: Prefixes): string {
  let written = '';
  let count = 0;
  for (const one of list) {
    if (one.namespace === ns.xmlns) continue;
    const value = escapeAttribute(one.value);
    const prefix = one.namespace === ns.xml ? 'xml' : declared.get(one.namespace);
    if (one.namespace === '') written += ` ${one.local}='${value}'`;
    else if (prefix !== undefined) written += ` ${prefix}:${one.local}='${value}'`;
    else {
      const own = `ns${count++}`;
      written += ` xmlns:${own}='${escapeAttribute(one.namespace)}' ${own}:${one.local}='${value}'`;
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
