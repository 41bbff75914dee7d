/** An element as a text that does not depend on how it was written. */
import type { Stanza } from '../stanza/stanza.ts';

/** Returns what belongs to an element itself, in a form in which equal elements are equal: name, attributes, text, and
 *  descendants of its namespace. Of a stanza, whose content has fields of its own, it is the name with the type. The text
 *  is for comparison only. */
export function contentOf(stanza: Stanza, element: number): string {
  if (stanza.depthOf(element) === 1)
    return `${nameOf(stanza, element)} ${stanza.attributeValue(element, 'type') ?? ''}`;
  const namespace = stanza.namespaceName(element);
  let written = '';
  const end = stanza.endOf(element);
  for (let at = element; at < end;) {
    if (!stanza.isElement(at)) {
      written += stanza.isText(at) ? `>${stanza.textValue(at)}` : stanza.isEnd(at) ? '</' : '';
      at = stanza.next(at);
    } else if (stanza.namespaceName(at) === namespace) {
      written += `<${nameOf(stanza, at)}${attributesOf(stanza, at)}`;
      at = stanza.next(at);
    } else at = stanza.afterElement(at);
  }
  return written;
}

function attributesOf(stanza: Stanza, element: number): string {
  const written: string[] = [];
  for (const attribute of stanza.attributes(element))
    if (!stanza.isDeclaration(attribute))
      written.push(` ${nameOf(stanza, attribute)}=${JSON.stringify(stanza.value(attribute))}`);
  return written.length < 2 ? written.join('') : written.toSorted().join('');
}

function nameOf(stanza: Stanza, index: number): string {
  return `{${stanza.namespaceName(index)}}${stanza.localName(index)}`;
}
