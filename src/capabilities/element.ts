/** Builds element trees for the places where a tree is the natural tool (disco#info, data forms): from a stanza
 *  that the scanner has framed and checked, or from XML in a file. The only file that touches @xmpp/xml's class and
 *  saxes at run time; @xmpp/xml's own parser is not used anywhere. */
import { Element } from '@xmpp/xml';
import { SaxesParser } from 'saxes';
import type { Stanza } from '../stanza/stanza.ts';

/** The element at a tape index, with its descendants. Namespaces are resolved: the tree has no prefixes but `xml`.
 *  `xml:lang` in force at `index` is written on the result, because the tree has no parents to inherit from. */
export function elementFromStanza(stanza: Stanza, index = 0): Element {
  const element = bareElement(stanza, index);
  element.attrs['xml:lang'] ??= languageAt(stanza, index);
  addContent(stanza, index, element);
  return element;
}

/** Iterates rather than recurses: depth is bounded by the scanner, but the stack need not depend on it. */
function addContent(stanza: Stanza, index: number, root: Element): void {
  const open = [root];
  const stop = stanza.endOf(index);
  for (let at = stanza.contentOf(index); at < stop; at = stanza.next(at)) {
    const parent = open.at(-1)!;
    if (stanza.isElement(at)) open.push(parent.cnode(bareElement(stanza, at)));
    else if (stanza.isText(at)) parent.t(stanza.textValue(at));
    else if (stanza.isEnd(at)) open.pop();
  }
}

function bareElement(stanza: Stanza, index: number): Element {
  const element = new Element(stanza.localName(index), { xmlns: stanza.namespaceName(index) });
  for (const at of stanza.attributes(index)) {
    const name = stanza.qualifiedName(at);
    if (stanza.attributeNamespaceOf(at) === 0 || name === 'xml:lang') element.attrs[name] = stanza.value(at);
  }
  return element;
}

function languageAt(stanza: Stanza, index: number): string {
  for (let at = index; at !== -1; at = stanza.parentOf(at))
    for (const attribute of stanza.attributes(at))
      if (stanza.qualifiedName(attribute) === 'xml:lang') return stanza.value(attribute);
  return stanza.scope.lang;
}

/** What reading XML from a file or a line gives. The message of the XML library is not passed on: it quotes. */
export type XmlReading =
  | { readonly kind: 'element'; readonly element: Element }
  | { readonly kind: 'not-xml'; readonly code: 'ERR_XML_NOT_WELL_FORMED' | 'ERR_XML_RESTRICTED' };

/** Reads one XML document, namespaces checked. Comments, processing instructions and a DOCTYPE are refused, as on a
 *  stream (RFC 6120 §11.1); an XML declaration is fine. */
export function elementFromXml(xml: string): XmlReading {
  const parser = new SaxesParser({ xmlns: true });
  let failure: 'ERR_XML_NOT_WELL_FORMED' | 'ERR_XML_RESTRICTED' | undefined;
  let root: Element | undefined;
  const open: Element[] = [];
  const restricted = (): void => {
    failure ??= 'ERR_XML_RESTRICTED';
  };
  parser.on('error', () => {
    failure ??= 'ERR_XML_NOT_WELL_FORMED';
  });
  parser.on('doctype', restricted);
  parser.on('comment', restricted);
  parser.on('processinginstruction', restricted);
  parser.on('opentag', ({ local, uri, attributes }) => {
    const element = new Element(local, { xmlns: uri });
    for (const attribute of Object.values(attributes)) {
      if (attribute.uri === '' || attribute.name === 'xml:lang')
        element.attrs[attribute.name] = attribute.value;
    }
    open.at(-1)?.cnode(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.on('text', (text) => open.at(-1)?.t(text));
  parser.on('cdata', (text) => open.at(-1)?.t(text));
  parser.write(xml).close();
  if (failure !== undefined || root === undefined)
    return { kind: 'not-xml', code: failure ?? 'ERR_XML_NOT_WELL_FORMED' };
  return { kind: 'element', element: root };
}
